// Keeps a page up to date: when the console tells of another state than the page was made from, the page fetches itself and
// takes over what is different. A page in the background holds no connection: a browser has six for each site.
(() => {
  const live = document.getElementById("live"), news = document.getElementById("news"), main = document.querySelector("main");
  if (!live || !window.EventSource) return;
  let events, retry, busy = false, next;

  async function refresh(state) {
    if (state === main.dataset.state) return;
    if (busy) { next = state; return; }
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
      if (answer.status === 401) { location.reload(); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.querySelector("main")) show(page);
    } catch { /* the connection is gone: EventSource notices, and tries again */ }
    busy = false;
    if (next) { setTimeout(refresh, 300, next); next = undefined; }
  }

  function show(page) {
    if (document.title !== page.title) news.textContent = document.title = page.title;
    become(main, page.querySelector("main"));
    document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  }

  // become makes one element like another of the same name, and leaves in place whatever is the same: a link that somebody
  // is about to press, what is focused, marked, scrolled or unfolded.
  function become(old, fresh) {
    for (const a of fresh.attributes) if (a.name !== "open" && old.getAttribute(a.name) !== a.value) old.setAttribute(a.name, a.value);
    for (const a of [...old.attributes]) if (a.name !== "open" && !fresh.hasAttribute(a.name)) old.removeAttribute(a.name);
    const before = [...old.childNodes], after = [...fresh.childNodes];
    after.forEach((n, i) => {
      const o = before[i];
      if (!o) old.append(n);
      else if (o.nodeName !== n.nodeName) o.replaceWith(n);
      else if (n.nodeType === Node.ELEMENT_NODE) become(o, n);
      else if (o.data !== n.data) o.data = n.data;
    });
    before.slice(after.length).forEach((o) => o.remove());
  }

  function say(what, text) {
    if (live.dataset.is !== what) { live.dataset.is = what; live.textContent = text; }
  }

  function listen() {
    clearTimeout(retry);
    if (events) events.close();
    if (document.hidden) return;
    events = new EventSource("/events");
    events.onopen = () => say("live", "Live");
    events.onmessage = (e) => refresh(e.data);
    events.onerror = () => {
      say("lost", "Connection lost, trying again");
      if (events.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      refresh(""); // tells whether the session has ended
      retry = setTimeout(listen, 3000);
    };
  }
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => events && events.close());
  addEventListener("pageshow", (e) => e.persisted && listen());
  listen();
})();
