export default function ({ data, parentElement }) {
  const $ = s => parentElement.querySelector(s), stage = $(".stage"), input = $("input"), a = $("img.a"), b = $("img.b")
  if (a.src !== data.a) a.src = data.a
  if (b.src !== data.b) b.src = data.b
  a.alt = data.left; b.alt = data.right
  stage.classList.toggle("blink", data.blink)
  $(".tag.l").textContent = data.left; $(".tag.r").textContent = data.right
  input.setAttribute("aria-label", data.label)
  const paint = () => stage.style.setProperty("--p", input.value + "%")
  input.oninput = paint
  paint()
}
