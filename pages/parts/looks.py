"""What the theme in `.streamlit/config.toml` cannot say: a little style and two scripts.

Everything a visitor typed or named stays out of here: this is the only HTML written by hand
besides `result` and `charts`, and it holds fixed text only.
"""

from __future__ import annotations

import json

import streamlit as st

from pages.parts.language import plain
from imgsim_core.text import Text

_STYLE = """
.st-key-sim_script{position:absolute!important;width:0;height:0;overflow:hidden}
.st-key-frame{margin-bottom:-.5rem}
.stMainBlockContainer{max-width:1240px;padding-left:clamp(1rem,3vw,3rem);padding-right:clamp(1rem,3vw,3rem)}
[class*="st-key-slot_"] [data-testid=stImage] img{max-height:340px;object-fit:contain;width:100%;background:var(--sim-stage)}
[class*="st-key-thumb_"]{position:relative}
[class*="st-key-thumb_"] *{position:static!important}
[class*="st-key-thumb_"] button::after{content:"";position:absolute;inset:0;border-radius:var(--sim-radius);cursor:pointer}
[class*="st-key-thumb_"]:has(button:hover) img{filter:brightness(1.08)}
[class*="st-key-thumb_"] [data-testid=stElementToolbar]{display:none}
[class*="st-key-evidence"] [data-testid=stImage] img{max-height:560px;object-fit:contain}
:root{--sim-radius:.75rem;--sim-stage:rgba(127,140,138,.10)}
.sim-bar{margin:.1rem 0 .2rem}
.sim-bar .track{position:relative;height:10px;border-radius:5px;background:rgba(127,140,138,.28)}
.sim-bar .band{position:absolute;top:0;bottom:0;border-radius:5px;background:#1a9a88;opacity:.45}
.sim-bar .dot{position:absolute;top:-4px;width:18px;height:18px;margin-left:-9px;border-radius:50%;background:#7d8a88;border:3px solid #fff;box-shadow:0 0 0 1px rgba(0,0,0,.35)}
.sim-bar.yes .dot{background:#1a9a88}
.sim-bar .mark{position:absolute;top:-5px;bottom:-5px;width:3px;margin-left:-1.5px;border-radius:2px;background:currentColor;opacity:.75}
.sim-bar .ends{display:flex;justify-content:space-between;font-size:.78rem;opacity:.75;margin-top:.45rem}
.sim-legend{display:flex;align-items:center;gap:.6rem;font-size:.85rem}
.sim-legend i{flex:1;max-width:260px;height:10px;border-radius:5px;background:linear-gradient(90deg,#440154,#3b528b,#21918c,#5ec962,#fde725)}
.sim-swatches{display:flex;height:44px;margin:.3rem 0;border-radius:.6rem;overflow:hidden;align-items:stretch}
.sim-swatches span{flex:0 0 5.2rem;align-self:center;font-size:.85rem}
.sim-swatches i{min-width:2px}
.sim-swatches.bare{height:14px}
"""
_DARK = """
[data-testid=stBaseButton-primary],[data-testid=stBaseButton-primary] *{color:#06110f!important}
"""
# Streamlit does not translate its own uploader.
_UPLOADER = """
[data-testid=stFileUploaderDropzone] button [data-testid=stMarkdownContainer] p{{font-size:0}}
[data-testid=stFileUploaderDropzone] button [data-testid=stMarkdownContainer] p::after{{content:{button};font-size:1rem}}
[data-testid=stFileUploaderDropzoneInstructions],[data-testid=stFileUploaderDropzoneInstructions] *{{font-size:0}}
[data-testid=stFileUploaderDropzoneInstructions]::after{{content:{hint};font-size:.85rem}}
"""

_SCRIPT = st.components.v2.component(
    "sim_script",
    js="""
export default function ({ data }) {
  document.documentElement.lang = data.lang
  // A pasted picture fills the first empty slot, or the second when both are full.
  const paste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])].filter(f => f.type.startsWith("image/"))
    if (!files.length) return
    const inputs = data.slots.map(key => document.querySelector(".st-key-" + key + " input[type=file]"))
    const empty = inputs.filter(input => input && input.closest(".sim-empty"))
    const order = [...empty, ...inputs.filter(Boolean).reverse()]
    for (const [index, file] of files.slice(0, 2).entries()) {
      const input = order[index]
      if (!input) break
      const transfer = new DataTransfer(); transfer.items.add(file); input.files = transfer.files
      input.dispatchEvent(new Event("change", { bubbles: true })); event.preventDefault()
    }
  }
  document.removeEventListener("paste", window.__simPaste)
  window.__simPaste = paste
  document.addEventListener("paste", paste)
  return () => document.removeEventListener("paste", paste)
}
""",
)


def apply(language: str) -> None:
    """Put style and scripts into the page, and its language into the document."""
    style = _STYLE + (_DARK if st.context.theme.type == "dark" else "")
    button = json.dumps(plain(Text("Choose a picture")), ensure_ascii=False)
    hint = json.dumps(plain(Text("or drop or paste one here · up to 20 MB")), ensure_ascii=False)
    style += _UPLOADER.format(button=button, hint=hint)
    st.html(f"<style>{style}</style>")
    lang = {"zh": "zh-CN"}.get(language, language)
    _SCRIPT(key="sim_script", data={"lang": lang, "slots": ["slot_a", "slot_b"]}, height=1)
