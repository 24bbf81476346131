// A map of pictures: dots that become thumbnails where there is room; pan, zoom, lasso, click.
// Thumbnails come from the component "atlas_feed", so that a new colour sends no picture again
// and a new thumbnail sends no point again. Both meet in window.__simAtlas.
const ICONS = {
  move: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  lasso: "M12 4c5 0 9 2.5 9 6s-4 6-9 6-9-2.5-9-6 4-6 9-6M7 15c-1.5 1-2 3 0 3.5 1.5.5 1 2-.5 2.5",
  box: "M4 4h3M10.5 4h3M17 4h3v3M20 10.5v3M20 17v3h-3M13.5 20h-3M7 20H4v-3M4 13.5v-3M4 7V4",
  closer: "M12 5v14M5 12h14", farther: "M5 12h14",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
}
const MODES = ["move", "lasso", "box"]
const MOST_TILES = 260, MOST_ASKED = 120, GAP = 3, PAD = 36

const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0))

export default function ({ data, parentElement, setTriggerValue }) {
  const $ = s => parentElement.querySelector(s)
  const stage = $(".stage"), canvas = $("canvas"), tip = $(".tip"), tools = $(".tools")
  const first = !stage.__map
  const map = (stage.__map ??= { mode: "move", view: null, hover: -1, drawn: [], pointers: new Map(), path: null })
  const shared = (window.__simAtlas ??= {})
  if (shared.id !== data.id) Object.assign(shared, { id: data.id, tiles: new Map(), large: new Map(), mask: null, sent: null })

  map.words = data.words
  map.room = data.room
  map.palette = data.palette
  map.labels = data.labels
  map.colour = bytes(data.colour)
  map.send = value => setTriggerValue("picked", value)
  if (map.id !== data.id) {
    const quantised = new Int16Array(bytes(data.places).buffer)
    map.count = quantised.length / 2
    map.x = Float32Array.from({ length: map.count }, (_, i) => quantised[2 * i] / 32767)
    map.y = Float32Array.from({ length: map.count }, (_, i) => quantised[2 * i + 1] / 32767)
    map.order = data.order
    map.id = data.id
    map.view = null
    map.hover = -1
  }
  const style = getComputedStyle(stage)
  map.text = style.color
  map.ground = style.getPropertyValue("--st-secondary-background-color") || "#fff"
  map.accent = style.getPropertyValue("--st-primary-color") || "#1a9a88"
  stage.setAttribute("aria-label", data.words.about)
  $(".hint").textContent = data.words.hint
  label_tools(tools, map, data.words)
  shared.repaint = () => repaint(map)
  map.stage = stage; map.canvas = canvas; map.tip = tip; map.tools = tools; map.shared = shared
  if (first) {
    new ResizeObserver(() => { map.view = null; repaint(map) }).observe(stage)
    listen(map)
  }
  repaint(map)
}

function label_tools(tools, map, words) {
  if (!tools.childElementCount) {
    for (const name of [...MODES, "", "closer", "farther", "fit"]) {
      if (!name) { tools.append(document.createElement("i")); continue }
      const button = document.createElement("button")
      button.type = "button"
      button.dataset.does = name
      const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg")
      icon.setAttribute("viewBox", "0 0 24 24")
      icon.setAttribute("aria-hidden", "true")
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
      path.setAttribute("d", ICONS[name])
      icon.append(path)
      button.append(icon)
      if (MODES.includes(name)) button.append(document.createElement("span"))
      tools.append(button)
    }
  }
  for (const button of tools.querySelectorAll("button")) {
    const name = button.dataset.does, word = words[name]
    button.setAttribute("aria-label", word)
    button.title = word
    const span = button.querySelector("span")
    if (span) { span.textContent = word; button.setAttribute("aria-pressed", String(map.mode === name)) }
    button.onclick = () => {
      if (MODES.includes(name)) set_mode(map, name)
      else if (name === "fit") { map.view = null; repaint(map) }
      else zoom(map, name === "closer" ? 1.6 : 1 / 1.6)
    }
  }
  tools.setAttribute("aria-label", words.tools)
}

function set_mode(map, mode) {
  map.mode = mode
  for (const button of map.tools.querySelectorAll("button[aria-pressed]"))
    button.setAttribute("aria-pressed", String(button.dataset.does === mode))
  repaint(map)
}

// ── Where things are ────────────────────────────────────────────────────────────────

function size(map) { return [map.stage.clientWidth, map.stage.clientHeight] }

// The map is wider than high; a tall screen turns it.
function axes(map, width, height) { return height > width ? [map.y, map.x] : [map.x, map.y] }

function fit(map) {
  const [width, height] = size(map), [xs, ys] = axes(map, width, height)
  let left = 1, right = -1, top = 1, bottom = -1
  for (let i = 0; i < map.count; i++) {
    left = Math.min(left, xs[i]); right = Math.max(right, xs[i])
    top = Math.min(top, ys[i]); bottom = Math.max(bottom, ys[i])
  }
  const within = pad => Math.min((width - 2 * pad) / Math.max(right - left, .05), (height - 2 * pad) / Math.max(bottom - top, .05))
  // The outermost thumbnails are to be whole, and few pictures have large ones
  const scale = within(Math.max(PAD, tile_side(map, within(PAD), map.count) / 2 + GAP))
  map.view = { x: (left + right) / 2, y: (top + bottom) / 2, scale, least: scale }
}

// Side of a thumbnail in pixels while so many pictures are in view.
function tile_side(map, scale, count) {
  const [width, height] = size(map), narrow = width < 500
  if (map.room) return Math.min(110, Math.max(narrow ? 26 : 34, map.room * scale - GAP))
  return Math.min(92, Math.max(narrow ? 30 : 44, .66 * Math.sqrt(width * height / Math.max(1, count))))
}

function zoom(map, factor, at) {
  const [width, height] = size(map), view = map.view
  if (!view) return
  const [x, y] = at ?? [width / 2, height / 2]
  const scale = Math.min(Math.max(view.scale * factor, view.least * .7), view.least * 400)
  view.x += (x - width / 2) * (1 / view.scale - 1 / scale)
  view.y += (y - height / 2) * (1 / view.scale - 1 / scale)
  view.scale = scale
  repaint(map)
}

function on_map(map, [x, y]) {
  const [width, height] = size(map), { view } = map
  const place = [view.x + (x - width / 2) / view.scale, view.y + (y - height / 2) / view.scale]
  return height > width ? place.reverse() : place
}

function at(map, x, y) {
  if (!map.view) return -1  // between a change of size and the next drawing
  for (let i = map.drawn.length - 1; i >= 0; i--) {  // thumbnails lie above dots
    const one = map.drawn[i], half = one.side / 2
    if (Math.abs(x - one.x) <= half && Math.abs(y - one.y) <= half) return one.id
  }
  const [width, height] = size(map), [xs, ys] = axes(map, width, height), { view } = map
  let best = -1, least = 12 * 12
  for (let i = 0; i < map.count; i++) {
    const dx = width / 2 + (xs[i] - view.x) * view.scale - x, dy = height / 2 + (ys[i] - view.y) * view.scale - y
    const d = dx * dx + dy * dy
    if (d < least) { least = d; best = i }
  }
  return best
}

// ── Drawing ─────────────────────────────────────────────────────────────────────────

function repaint(map) {
  if (map.waits) return
  map.waits = requestAnimationFrame(() => { map.waits = 0; if (map.stage.isConnected) paint(map) })
}

function paint(map) {
  const [width, height] = size(map)
  if (!width || !height) return
  const ratio = window.devicePixelRatio || 1
  if (map.canvas.width !== Math.round(width * ratio) || map.canvas.height !== Math.round(height * ratio)) {
    map.canvas.width = Math.round(width * ratio); map.canvas.height = Math.round(height * ratio)
  }
  if (!map.view) fit(map)
  const pen = map.canvas.getContext("2d"), { view, shared } = map, [xs, ys] = axes(map, width, height)
  pen.setTransform(ratio, 0, 0, ratio, 0, 0)
  pen.clearRect(0, 0, width, height)
  const mask = shared.mask, lit = id => !mask || (mask[id >> 3] >> (7 - (id & 7))) & 1
  const px = i => width / 2 + (xs[i] - view.x) * view.scale, py = i => height / 2 + (ys[i] - view.y) * view.scale

  // Dots, one colour after the other
  const seen = [], by_colour = new Map()
  for (let i = 0; i < map.count; i++) {
    const x = px(i), y = py(i)
    if (x < -60 || y < -60 || x > width + 60 || y > height + 60) continue
    seen.push(i)
    const group = map.colour[i] * 2 + (lit(i) ? 1 : 0)
    if (!by_colour.has(group)) by_colour.set(group, [])
    by_colour.get(group).push(x, y)
  }
  const radius = Math.min(6, Math.max(2, 26 / Math.sqrt(Math.max(1, seen.length) / 10)))
  for (const group of [...by_colour.keys()].sort((a, b) => (a & 1) - (b & 1))) {
    pen.fillStyle = map.palette[group >> 1]
    pen.globalAlpha = group & 1 ? .9 : .16
    pen.beginPath()
    const places = by_colour.get(group)
    for (let k = 0; k < places.length; k += 2) {
      pen.moveTo(places[k] + radius, places[k + 1])
      pen.arc(places[k], places[k + 1], radius, 0, 7)
    }
    pen.fill()
  }
  pen.globalAlpha = 1

  // Thumbnails where there is room: chosen pictures first, then in the order given
  const side = tile_side(map, view.scale, seen.length)
  const step = side + GAP, cells = new Map(), placed = [], in_view = new Set(seen), missing = []
  const cell = (x, y) => Math.floor(x / step) * 100003 + Math.floor(y / step)
  const consider = i => {
    const x = px(i), y = py(i)
    for (let dx = -1; dx <= 1; dx++) for (let dy = -1; dy <= 1; dy++)
      for (const other of cells.get(cell(x + dx * step, y + dy * step)) ?? [])
        if (Math.abs(other.x - x) < step && Math.abs(other.y - y) < step) return
    const one = { id: i, x, y, side }
    placed.push(one)
    const key = cell(x, y)
    if (!cells.has(key)) cells.set(key, [])
    cells.get(key).push(one)
  }
  for (const wanted of mask ? [true, false] : [true])
    for (const i of map.order) {
      if (placed.length >= MOST_TILES) break
      if (in_view.has(i) && (!mask || Boolean(lit(i)) === wanted)) consider(i)
    }
  map.drawn = []
  for (const one of placed) {
    const tile = shared.tiles.get(one.id)
    if (!tile) { if (tile === undefined) missing.push(one.id); continue }
    const left = one.x - side / 2, top = one.y - side / 2
    pen.globalAlpha = lit(one.id) ? 1 : .22
    pen.save()
    pen.beginPath()
    pen.roundRect(left, top, side, side, 7)
    pen.fillStyle = map.palette[map.colour[one.id]]
    pen.fill()
    pen.beginPath()
    pen.roundRect(left + 2.5, top + 2.5, side - 5, side - 5, 5)
    pen.clip()
    pen.drawImage(tile.image, tile.x, tile.y, tile.side, tile.side, left + 2.5, top + 2.5, side - 5, side - 5)
    pen.restore()
    map.drawn.push(one)
  }
  pen.globalAlpha = 1
  ask(map, missing)

  write_labels(map, pen, px, py, width, height)
  outline(map, pen, px, py)
  if (map.path?.length > 1) {
    pen.beginPath()
    const corners = map.mode === "box" ? box(map.path) : map.path
    corners.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)))
    pen.closePath()
    pen.fillStyle = map.accent; pen.globalAlpha = .15; pen.fill(); pen.globalAlpha = 1
    pen.strokeStyle = map.accent; pen.lineWidth = 2; pen.setLineDash([6, 4]); pen.stroke(); pen.setLineDash([])
  }
  const zoomed = view.scale > view.least * 1.02
  map.stage.classList.toggle("draws", map.mode !== "move")
  map.stage.classList.toggle("held", map.mode !== "move" || zoomed)
}

function write_labels(map, pen, px, py, width, height) {
  pen.font = `600 ${width < 500 ? 11 : 13}px ${getComputedStyle(map.stage).fontFamily}`
  pen.textAlign = "center"; pen.textBaseline = "middle"
  const taken = []
  for (const { at: i, text } of map.labels) {
    const half = pen.measureText(text).width / 2 + 8
    const x = Math.min(Math.max(px(i), half + 2), width - half - 2), y = py(i) + (map.drawn.length ? map.drawn[0].side / 2 + 4 : 0)
    if (px(i) < 0 || px(i) > width || y < 0 || y > height - 10) continue
    if (taken.some(other => Math.abs(other.x - x) < other.half + half && Math.abs(other.y - y) < 22)) continue
    taken.push({ x, y, half })
    pen.beginPath(); pen.roundRect(x - half, y - 11, 2 * half, 22, 11)
    pen.fillStyle = map.ground; pen.globalAlpha = .88; pen.fill(); pen.globalAlpha = 1
    pen.fillStyle = map.text; pen.fillText(text, x, y + 1)
  }
}

function outline(map, pen, px, py) {
  if (map.hover < 0) return
  const tile = map.drawn.find(one => one.id === map.hover)
  pen.beginPath()
  if (tile) pen.roundRect(tile.x - tile.side / 2 - 1, tile.y - tile.side / 2 - 1, tile.side + 2, tile.side + 2, 8)
  else pen.arc(px(map.hover), py(map.hover), 9, 0, 7)
  pen.strokeStyle = map.text; pen.lineWidth = 3; pen.stroke()
}

// ── Thumbnails ──────────────────────────────────────────────────────────────────────

function ask(map, missing) {
  const { shared } = map
  clearTimeout(map.asking)
  const large = map.hover >= 0 && !shared.large.has(map.hover) ? map.hover : -1
  if (!missing.length && large < 0) return
  map.asking = setTimeout(() => {
    // One question at a time; an answer that never came is asked for again
    if (!shared.ask || (shared.sent && Date.now() - shared.sent < 6000)) { repaint_later(map); return }
    shared.sent = Date.now()
    shared.ask({ id: map.id, tiles: missing.slice(0, MOST_ASKED), large })
  }, 140)
}

function repaint_later(map) { setTimeout(() => repaint(map), 300) }

function point_at(map, id) {
  if (map.hover === id) return
  map.hover = id
  map.stage.classList.toggle("points", id >= 0)
  repaint(map)
}

function show_tip(map, x, y) {
  const { tip, shared } = map, known = shared.large.get(map.hover)
  if (map.hover < 0 || !known) { tip.hidden = true; return }
  const image = tip.querySelector("img")
  image.hidden = !known.url
  if (known.url && image.src !== known.url) image.src = known.url
  tip.querySelector("b").textContent = known.name
  tip.querySelector("span").textContent = known.note
  tip.hidden = false
  const [width, height] = size(map)
  const left = x + 210 + 18 > width ? x - 190 - 18 : x + 18
  tip.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, Math.min(y - 40, height - tip.offsetHeight - 6))}px)`
}

// ── Hands ───────────────────────────────────────────────────────────────────────────

function box([[x0, y0], ...rest]) {
  const [x1, y1] = rest.at(-1)
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]
}

function listen(map) {
  const { stage } = map
  const place = event => { const frame = stage.getBoundingClientRect(); return [event.clientX - frame.left, event.clientY - frame.top] }
  let start = null, spread = 0

  stage.addEventListener("pointerdown", event => {
    if (event.button) return
    map.pointers.set(event.pointerId, place(event))
    map.tip.hidden = true
    if (map.pointers.size === 2) {
      map.path = null; start = null
      const [a, b] = [...map.pointers.values()]
      spread = Math.hypot(a[0] - b[0], a[1] - b[1])
      return
    }
    start = { at: place(event), moved: false }
    if (map.mode !== "move" || event.shiftKey) map.path = [place(event)]
    try { stage.setPointerCapture(event.pointerId) } catch { /* a pointer made by a program */ }
  })
  stage.addEventListener("pointermove", event => {
    const here = place(event)
    if (!map.pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") { point_at(map, at(map, ...here)); map.mouse = here; show_tip(map, ...here) }
      return
    }
    const before = map.pointers.get(event.pointerId)
    map.pointers.set(event.pointerId, here)
    if (map.pointers.size === 2) {
      const [a, b] = [...map.pointers.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1])
      if (spread) zoom(map, now / spread, [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2])
      spread = now
      return
    }
    if (!start) return
    if (Math.hypot(here[0] - start.at[0], here[1] - start.at[1]) > 5) start.moved = true
    if (!start.moved) return
    if (map.path) map.path.push(here)
    else if (map.view) {
      map.view.x -= (here[0] - before[0]) / map.view.scale
      map.view.y -= (here[1] - before[1]) / map.view.scale
      stage.classList.add("drags")
    }
    repaint(map)
  })
  const up = event => {
    map.pointers.delete(event.pointerId)
    stage.classList.remove("drags")
    const path = map.path
    map.path = null
    if (event.type === "pointerup" && start) {
      if (!start.moved) {
        const id = at(map, ...start.at)
        if (id >= 0) map.send({ id: map.id, one: id })
      } else if (path && path.length > 2 && map.view) {
        const corners = map.mode === "box" ? box(path) : path
        const every = Math.ceil(corners.length / 150)
        map.send({ id: map.id, outline: corners.filter((_, i) => i % every === 0).map(one => on_map(map, one)) })
        if (map.mode !== "move") set_mode(map, "move")
      }
    }
    start = null
    repaint(map)
  }
  stage.addEventListener("pointerup", up)
  stage.addEventListener("pointercancel", up)
  stage.addEventListener("pointerleave", () => { if (!map.pointers.size) { point_at(map, -1); map.tip.hidden = true } })
  stage.addEventListener("dblclick", event => zoom(map, 2, place(event)))
  stage.addEventListener("wheel", event => {
    // The page scrolls past, unless the map was clicked first
    if (!event.ctrlKey && !event.metaKey && !stage.matches(":focus")) return
    event.preventDefault()
    zoom(map, Math.exp(-event.deltaY * .0018), place(event))
  }, { passive: false })
  stage.addEventListener("keydown", event => {
    const step = 50 / (map.view?.scale ?? 1)
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }
    if (moves[event.key] && map.view) { map.view.x += moves[event.key][0]; map.view.y += moves[event.key][1]; repaint(map) }
    else if (event.key === "+" || event.key === "=") zoom(map, 1.4)
    else if (event.key === "-") zoom(map, 1 / 1.4)
    else if (event.key === "0") { map.view = null; repaint(map) }
    else if (event.key === "Escape") { map.path = null; start = null; map.send({ id: map.id, none: true }) }
    else return
    event.preventDefault()
  })
  map.shared.answered = () => { if (map.mouse && map.hover >= 0) show_tip(map, ...map.mouse) }
}
