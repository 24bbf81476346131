// A picture on which one box is drawn: by pointer, or moved and resized by the arrow keys.
export default function ({ data, parentElement, setStateValue }) {
  const stage = parentElement.querySelector(".stage")
  const image = stage.querySelector("img"), mark = stage.querySelector("i")
  if (image.src !== data.url) image.src = data.url
  image.alt = data.alt
  stage.setAttribute("aria-label", data.label)
  let box = data.box.slice(), start = null, timer = null
  const paint = () => {
    const [left, top, right, bottom] = box
    mark.style.left = 100 * left + "%"
    mark.style.top = 100 * top + "%"
    mark.style.width = `calc(${100 * (right - left)}% - 6px)`
    mark.style.height = `calc(${100 * (bottom - top)}% - 6px)`
  }
  const tell = () => setStateValue("box", box.map((share) => Math.round(1000 * share) / 1000))
  const at = (event) => {
    const edge = stage.getBoundingClientRect()
    const inside = (share) => Math.min(1, Math.max(0, share))
    return [inside((event.clientX - edge.left) / edge.width), inside((event.clientY - edge.top) / edge.height)]
  }
  stage.onpointerdown = (event) => {
    if (event.button !== 0) return
    start = at(event)
    stage.setPointerCapture(event.pointerId)
  }
  stage.onpointermove = (event) => {
    if (!start) return
    const end = at(event)
    if (Math.hypot(end[0] - start[0], end[1] - start[1]) < 0.01) return
    box = [Math.min(start[0], end[0]), Math.min(start[1], end[1]), Math.max(start[0], end[0]), Math.max(start[1], end[1])]
    paint()
  }
  stage.onpointerup = () => {
    if (start && box.some((share, k) => Math.abs(share - data.box[k]) > 0.002)) tell()
    start = null
  }
  stage.onpointercancel = () => {
    start = null
    box = data.box.slice()
    paint()
  }
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  stage.onkeydown = (event) => {
    const step = steps[event.key]
    if (!step) return
    event.preventDefault()
    const [x, y] = [0.02 * step[0], 0.02 * step[1]]
    const next = event.shiftKey
      ? [box[0], box[1], box[2] + x, box[3] + y]
      : [box[0] + x, box[1] + y, box[2] + x, box[3] + y]
    const fits = next.every((share) => share >= 0 && share <= 1) && next[2] - next[0] > 0.02 && next[3] - next[1] > 0.02
    if (!fits) return
    box = next
    paint()
    clearTimeout(timer)
    timer = setTimeout(tell, 400)
  }
  paint()
}
