// A picture with its cut-out laid over it, on which a visitor draws: a box around the subject,
// strokes on what belongs to it and on what does not. Every drawing is one step; what is drawn
// goes to Python when the pointer is lifted, and the new cut-out comes back.
const COLOURS = { keep: "#009e73", drop: "#d55e00", box: "#0072b2" }
const NAMES = ["left", "top", "right", "bottom"]
const MOST_POINTS = 80 // of a stroke

export default function ({ data, parentElement, setStateValue }) {
  const find = (selector) => parentElement.querySelector(selector)
  const stage = find(".stage"), canvas = find("canvas")
  const picture = find(".picture"), mask = find(".mask")
  // What is kept between two calls; Python's word counts when it tells of another picture.
  const own = (parentElement.simCut ??= { tool: "keep" })
  if (own.turn !== data.turn) {
    own.turn = data.turn
    own.steps = data.steps.map((step) => ({ ...step }))
  }
  own.data = data

  if (picture.src !== data.url) picture.src = data.url
  picture.alt = data.alt
  if (data.mask && mask.src !== data.mask) mask.src = data.mask
  if (!data.mask) mask.removeAttribute("src")

  const send = () => {
    setStateValue("drawn", { turn: own.turn, steps: own.steps })
    tools()
    sides()
    paint()
  }
  const add = (step) => {
    // A new box replaces the one before, unless both are undone
    own.steps = [...own.steps, step]
    send()
  }
  const boxNow = () => own.steps.filter((step) => step.kind === "box").at(-1)?.points.flat()

  const tools = () => {
    const bar = find(".tools"), words = own.data.words
    bar.setAttribute("aria-label", words.tools)
    if (!bar.childElementCount) {
      for (const kind of ["keep", "drop", "box", "undo", "clear"]) {
        const button = document.createElement("button")
        button.type = "button"
        button.dataset.kind = kind
        if (COLOURS[kind]) {
          const dot = document.createElement("i")
          dot.style.background = COLOURS[kind]
          button.append(dot)
        }
        button.append(document.createElement("span"))
        bar.append(button)
      }
    }
    for (const button of bar.children) {
      const kind = button.dataset.kind
      button.querySelector("span").textContent = words[kind]
      if (COLOURS[kind]) button.setAttribute("aria-pressed", String(own.tool === kind))
      else button.disabled = own.steps.length === 0
      button.onclick = () => {
        if (kind === "undo") own.steps = own.steps.slice(0, -1)
        if (kind === "clear") own.steps = []
        if (COLOURS[kind]) own.tool = kind
        if (COLOURS[kind]) tools()
        else send()
      }
    }
  }

  const sides = () => {
    const place = find(".sides"), words = own.data.words
    find("summary").textContent = words.sides
    if (!place.childElementCount) {
      for (const name of NAMES) {
        const label = document.createElement("label")
        const input = document.createElement("input")
        Object.assign(input, { type: "range", min: 0, max: 100, step: 1 })
        input.dataset.name = name
        label.append(document.createElement("span"), input)
        place.append(label)
      }
    }
    const box = boxNow() ?? [0, 0, 1, 1]
    NAMES.forEach((name, at) => {
      const input = place.querySelector(`[data-name=${name}]`)
      input.previousElementSibling.textContent = words[name]
      if (parentElement.activeElement !== input) input.value = Math.round(100 * box[at])
      input.setAttribute("aria-valuetext", input.value + " %")
      input.onchange = () => {
        const values = NAMES.map((one) => place.querySelector(`[data-name=${one}]`).value / 100)
        const [left, top, right, bottom] = values
        if (left >= right || top >= bottom) return
        const last = own.steps.at(-1)
        if (last?.kind === "box" && last.by === "sides") own.steps = own.steps.slice(0, -1)
        add({ kind: "box", by: "sides", points: [[left, top], [right, bottom]] })
      }
    })
  }

  const paint = () => {
    const width = stage.clientWidth, height = stage.clientHeight
    const sharp = window.devicePixelRatio || 1
    if (!width || !height) return
    canvas.width = Math.round(width * sharp)
    canvas.height = Math.round(height * sharp)
    const pen = canvas.getContext("2d")
    pen.scale(sharp, sharp)
    pen.lineCap = pen.lineJoin = "round"
    const shown = [...own.steps.filter((step) => step.kind !== "box")]
    const box = own.drawing?.kind === "box" ? own.drawing : own.steps.filter((s) => s.kind === "box").at(-1)
    if (box) shown.push(box)
    if (own.drawing && own.drawing.kind !== "box") shown.push(own.drawing)
    for (const step of shown) {
      const points = step.points.map(([x, y]) => [x * width, y * height])
      pen.beginPath()
      if (step.kind === "box") {
        const [[left, top], [right, bottom]] = [points[0], points.at(-1)]
        pen.rect(left, top, right - left, bottom - top)
      } else {
        pen.moveTo(...points[0])
        for (const point of points) pen.lineTo(point[0] + 0.01, point[1])
      }
      const thick = step.kind === "box" ? 3 : Math.max(5, 0.02 * Math.max(width, height))
      for (const [colour, more] of [["#fff", 3], [COLOURS[step.kind], 0]]) {
        pen.strokeStyle = colour
        pen.lineWidth = thick + more
        pen.stroke()
      }
    }
  }

  const place = (event) => {
    const area = canvas.getBoundingClientRect()
    const share = (at, from, length) => Math.min(1, Math.max(0, (at - from) / length))
    const round = (value) => Math.round(1e4 * value) / 1e4
    return [round(share(event.clientX, area.left, area.width)), round(share(event.clientY, area.top, area.height))]
  }
  canvas.onpointerdown = (event) => {
    if (event.button > 0) return
    canvas.setPointerCapture(event.pointerId)
    own.drawing = { kind: own.tool, points: [place(event)] }
    paint()
    event.preventDefault()
  }
  canvas.onpointermove = (event) => {
    if (!own.drawing) return
    const point = place(event)
    if (own.drawing.kind === "box") own.drawing.points[1] = point
    else own.drawing.points.push(point)
    paint()
  }
  canvas.onpointerup = () => {
    const drawn = own.drawing
    own.drawing = null
    if (drawn?.kind === "box") {
      const [[x0, y0], [x1, y1]] = [drawn.points[0], drawn.points.at(-1)]
      if (Math.abs(x1 - x0) < 0.01 || Math.abs(y1 - y0) < 0.01) return paint()
      drawn.points = [[Math.min(x0, x1), Math.min(y0, y1)], [Math.max(x0, x1), Math.max(y0, y1)]]
    } else if (drawn && drawn.points.length > MOST_POINTS) {
      const stride = (drawn.points.length - 1) / (MOST_POINTS - 1)
      drawn.points = Array.from({ length: MOST_POINTS }, (_, at) => drawn.points[Math.round(at * stride)])
    }
    if (drawn) add(drawn)
  }
  canvas.onpointercancel = () => {
    own.drawing = null
    paint()
  }
  tools()
  sides()
  const watch = new ResizeObserver(paint)
  watch.observe(stage)
  picture.onload = paint
  paint()
  return () => watch.disconnect()
}
