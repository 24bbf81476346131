// Brings the map its thumbnails, and which pictures are chosen; draws nothing itself.
const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0))

export default function ({ data, setTriggerValue }) {
  const shared = (window.__simAtlas ??= {})
  if (shared.id !== data.id) Object.assign(shared, { id: data.id, tiles: new Map(), large: new Map(), sent: null })
  shared.ask = request => setTriggerValue("wanted", request)
  shared.mask = data.mask ? bytes(data.mask) : null
  shared.sent = null
  for (const id of data.without) shared.tiles.set(id, null)
  if (data.large) shared.large.set(data.large.id, data.large)
  if (data.ids.length) {
    const image = new Image()
    image.onload = () => {
      data.ids.forEach((id, k) => shared.tiles.set(id, {
        image, side: data.side, x: (k % data.columns) * data.side, y: Math.floor(k / data.columns) * data.side,
      }))
      shared.repaint?.()
    }
    image.src = data.sheet
  }
  shared.repaint?.()
  shared.answered?.()
}
