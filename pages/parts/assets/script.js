// The document's language for screen readers, and pasting pictures into the slots.
export default function ({ data }) {
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
