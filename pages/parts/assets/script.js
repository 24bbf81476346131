// The document's language for screen readers, pasting pictures into the slots, and a Back
// button that leads to the page before.

// Streamlit makes a new entry of the history whenever the link changes. Going back to one of
// them changes nothing that can be seen, so a choice replaces the entry of its page.
function onePageOneEntry() {
  if (window.__simHistory) return
  window.__simHistory = true
  const push = history.pushState.bind(history)
  history.pushState = (state, unused, url) => {
    const path = new URL(url ?? "", location.href).pathname
    if (path === location.pathname) history.replaceState(state, unused, url)
    else push(state, unused, url)
  }
}

export default function ({ data }) {
  onePageOneEntry()
  document.documentElement.lang = data.lang
  const paste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter(f => f.type.startsWith("image/"))
    if (!files.length) return
    // Empty slots first; when both hold a picture, the second is replaced.
    const slots = data.slots.map(key => document.querySelector(".st-key-" + key)).filter(Boolean)
    const isEmpty = slot => !slot.querySelector("[data-testid=stImage]")
    const order = [...slots.filter(isEmpty), ...slots.filter(slot => !isEmpty(slot)).reverse()]
    for (const [index, file] of files.slice(0, order.length).entries()) {
      const input = order[index].querySelector("input[type=file]")
      if (!input) continue
      const transfer = new DataTransfer()
      transfer.items.add(file)
      input.files = transfer.files
      input.dispatchEvent(new Event("change", { bubbles: true }))
      event.preventDefault()
    }
  }
  document.removeEventListener("paste", window.__simPaste)
  window.__simPaste = paste
  document.addEventListener("paste", paste)
  return () => document.removeEventListener("paste", paste)
}
