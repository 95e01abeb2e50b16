// Keeps a page up to date: when the console says that something changed, the page fetches itself and replaces its content.
(() => {
  const live = document.getElementById("live");
  if (!live || !window.EventSource) return;
  let busy = false, again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.status === 401) { location.reload(); return; }
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the connection is gone: EventSource says so, and tries again */ }
    busy = false;
    if (again) { again = false; setTimeout(refresh, 500); }
  }
  function swap(page) {
    const open = [...document.querySelectorAll("details")].map((d) => d.open);
    const scrolled = [...document.querySelectorAll(".wide")].map((d) => d.scrollLeft);
    const focus = document.activeElement && document.activeElement.getAttribute("href");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.querySelectorAll("details").forEach((d, i) => { d.open = !!open[i]; });
    document.querySelectorAll(".wide").forEach((d, i) => { d.scrollLeft = scrolled[i] || 0; });
    if (focus) { const a = [...document.querySelectorAll("main a")].find((a) => a.getAttribute("href") === focus); if (a) a.focus({ preventScroll: true }); }
    document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  }
  const events = new EventSource("/events");
  let first = true;
  events.onmessage = () => { if (!first) refresh(); first = false; };
  events.onopen = () => { live.textContent = "Live: this page keeps itself up to date."; };
  events.onerror = () => { live.textContent = "The connection to Candor is lost; trying again."; first = false; };
})();
