export default function ({ data }) {
  if (!data.turn || window.__simScroll === data.turn) return
  window.__simScroll = data.turn
  document.querySelector(".st-key-closer_top")?.scrollIntoView({ behavior: "smooth", block: "start" })
}
