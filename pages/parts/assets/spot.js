// A picture on which one spot is chosen, by pointer or by arrow keys.
export default function ({ data, parentElement, setStateValue }) {
  const stage = parentElement.querySelector(".stage")
  const image = stage.querySelector("img"), mark = stage.querySelector("i")
  if (image.src !== data.url) image.src = data.url
  image.alt = data.alt
  stage.setAttribute("aria-label", data.label)
  const spot = { x: data.x, y: data.y }
  const paint = () => {
    mark.style.left = 100 * spot.x + "%"
    mark.style.top = 100 * spot.y + "%"
    const words = Math.round(100 * spot.x) + " %, " + Math.round(100 * spot.y) + " %"
    stage.setAttribute("aria-valuetext", words)
    stage.setAttribute("aria-valuenow", Math.round(100 * spot.x))
  }
  const move = (x, y) => {
    spot.x = Math.min(0.999, Math.max(0, x))
    spot.y = Math.min(0.999, Math.max(0, y))
    paint()
    setStateValue("spot", [spot.x, spot.y])
  }
  stage.onclick = (event) => {
    const box = stage.getBoundingClientRect()
    move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height)
  }
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  stage.onkeydown = (event) => {
    const step = steps[event.key]
    if (!step) return
    event.preventDefault()
    move(spot.x + 0.06 * step[0], spot.y + 0.06 * step[1])
  }
  paint()
}
