// Reviews and the live stock line of a product page.
(() => {
  const article = document.querySelector("[data-product]");
  if (!article) return;
  const id = Number(article.dataset.product);
  const box = document.getElementById("reviews");

  const element = (tag, text, cls) => {
    const e = document.createElement(tag);
    e.textContent = text;
    if (cls) e.className = cls;
    return e;
  };

  fetch(`/api/products/${id}/reviews`)
    .then((response) => response.json())
    .then(({ reviews }) => {
      box.replaceChildren(...reviews.map((r) => {
        const card = document.createElement("article");
        card.append(
          element("p", "★".repeat(r.stars) + "☆".repeat(5 - r.stars), "stars"),
          element("h3", r.title),
          element("p", r.text),
          element("p", `${r.author.name}, ${r.date}`, "by"),
        );
        return card;
      }));
    })
    .catch(() => box.replaceChildren(element("p", "Reviews are resting. Please try again later.")));

  new EventSource("/api/stock").addEventListener("stock", (event) => {
    const { product, left } = JSON.parse(event.data);
    if (product === id) document.getElementById("stock").textContent = `${left} left, with you on Thursday`;
  });
})();
