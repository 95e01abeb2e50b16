// Judges a notice as one types: what stands in the form is looked at by the console, as by its button "Look, without keeping", and of the page that
// comes back the findings and the preview are taken over. Nothing is kept.
(() => {
  const form = document.getElementById("form"), body = document.getElementById("body");
  if (!form || body.readOnly) return;
  const button = form.querySelector("[formaction]"), kept = body.value;
  let timer, busy = false, again = false;

  async function look() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(button.formAction, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (answer.status === 401) { location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["wrong", "judged", "preview"]) take(document.getElementById(id), page.getElementById(id));
    } catch { /* the connection is gone: the next keystroke tries again */ }
    busy = false;
    document.body.dataset.looks = Number(document.body.dataset.looks || 0) + 1;
    if (again) { again = false; look(); }
  }

  // take leaves what is the same in place, so that a screen reader hears, and a frame loads, only what has changed.
  function take(old, fresh) {
    if (old && fresh && old.innerHTML !== fresh.innerHTML) old.replaceChildren(...fresh.childNodes);
  }

  body.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(look, 400); });
  addEventListener("beforeunload", (e) => { if (body.value !== kept && !form.dataset.sent) e.preventDefault(); });
  form.addEventListener("submit", () => { form.dataset.sent = "yes"; });
})();
