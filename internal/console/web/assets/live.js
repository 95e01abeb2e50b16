// Keeps a page up to date: when the console tells of another state than the page was made from, the page fetches itself and
// puts the parts in that changed. A page in the background holds no connection: a browser has six for each site.
(() => {
  const live = document.getElementById("live");
  if (!live || !window.EventSource) return;
  const main = () => document.querySelector("main");
  const texts = (of) => [...of.children].map((e) => e.outerHTML);
  let shown = texts(main()), events, timer, busy = false, next;

  async function refresh(state) {
    if (state === main().dataset.state) return;
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
    const fresh = page.querySelector("main"), now = texts(fresh), parts = [...main().children], news = [...fresh.children];
    main().dataset.state = fresh.dataset.state;
    if (document.title !== page.title) document.getElementById("news").textContent = document.title = page.title;
    if (parts.length !== news.length || parts.some((e, i) => e.tagName !== news[i].tagName)) main().replaceChildren(...news);
    else parts.forEach((e, i) => { if (now[i] !== shown[i] && !put(e, news[i])) now[i] = shown[i]; });
    shown = now;
    document.body.dataset.updates = Number(document.body.dataset.updates || 0) + 1;
  }

  // put gives one part its new content, and keeps what the reader did: scrolled, opened, focused. A part in which somebody
  // is marking text waits until the next time.
  function put(part, fresh) {
    const marked = getSelection();
    if (!marked.isCollapsed && part.contains(marked.anchorNode)) return false;
    const within = (s) => [...(part.matches(s) ? [part] : []), ...part.querySelectorAll(s)];
    const scrolled = within(".wide").map((w) => w.scrollLeft), open = within("details").map((d) => d.open);
    const focus = part.contains(document.activeElement) && document.activeElement.getAttribute("href");
    for (const a of fresh.attributes) part.setAttribute(a.name, a.value);
    part.replaceChildren(...fresh.childNodes);
    within("details").forEach((d, i) => { d.open = !!open[i]; });
    within(".wide").forEach((w, i) => { w.scrollLeft = scrolled[i] || 0; });
    if (focus) within("a").find((a) => a.getAttribute("href") === focus)?.focus({ preventScroll: true });
    return true;
  }

  function say(what, text) {
    if (live.dataset.is !== what) { live.dataset.is = what; live.textContent = text; }
  }

  function listen() {
    clearTimeout(timer);
    if (events) events.close();
    if (document.hidden) return;
    events = new EventSource("/events");
    events.onopen = () => say("live", "Live");
    events.onmessage = (e) => refresh(e.data);
    events.onerror = () => {
      say("lost", "Connection lost, trying again");
      if (events.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      refresh("");
      timer = setTimeout(listen, 3000);
    };
  }
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => events && events.close());
  addEventListener("pageshow", (e) => e.persisted && listen());
  listen();
})();
