// Filters, links and keys over the cases. Every case is HTML that the program escaped: those that stand in the page, and
// the rest as one line each in #rest, made into nodes only when shown. Nothing is fetched and nothing is evaluated.
(() => {
  "use strict";
  const PAGE = 50;
  const byId = (id) => document.getElementById(id);
  const list = byId("cards"), more = byId("more"), form = byId("filter"), count = byId("count");
  const search = byId("q"), byMove = byId("by-move"), byCategory = byId("by-category"), byLabel = byId("by-label");
  const index = JSON.parse(byId("index").textContent);
  const standing = list.querySelectorAll("details.k");
  const rest = byId("rest").textContent.split("\n");
  const cards = index.cards.map(([key, move, category, labels], i) => ({
    key, move, category, labels, text: null,
    node: i < standing.length ? standing[i] : null,
    html: i < standing.length ? "" : rest[i - standing.length],
  }));
  const byKey = new Map(cards.map((card) => [card.key, card]));
  let shown = [], limit = PAGE;

  const node = (card) => {
    if (!card.node) {
      const template = document.createElement("template");
      template.innerHTML = card.html;
      card.node = template.content.firstElementChild;
    }
    return card.node;
  };

  const ENTITIES = { "&lt;": "<", "&gt;": ">", "&#34;": '"', "&#39;": "'", "&#10;": "\n", "&#13;": "\r", "&amp;": "&" };
  const words = (card) => {
    if (card.text === null) {
      const plain = card.node ? card.node.textContent
        : card.html.replace(/<[^>]*>/g, "").replace(/&(?:lt|gt|amp|#3[49]|#1[03]);/g, (entity) => ENTITIES[entity]);
      card.text = (card.key + " " + plain).toLowerCase();
    }
    return card.text;
  };

  const draw = () => {
    list.replaceChildren(...shown.slice(0, limit).map(node));
    more.hidden = shown.length <= limit;
    more.textContent = `Show more (${shown.length - limit} left)`;
    count.textContent = `${shown.length} of ${cards.length} cases`;
  };

  const apply = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const move = byMove.value;
    const category = byCategory.value === "" ? -1 : Number(byCategory.value);
    const label = byLabel.value === "" ? -1 : Number(byLabel.value);
    shown = cards.filter((card) =>
      (move === "all" || (move === "flips" ? card.move < 3 : card.move === Number(move)))
      && (category < 0 || card.category === category)
      && (label < 0 || card.labels.includes(label))
      && wanted.every((word) => words(card).includes(word)));
    limit = PAGE;
    draw();
  };

  const clear = (move) => {
    search.value = byCategory.value = byLabel.value = "";
    byMove.value = move;
    apply();
  };

  const reveal = (card, focus) => {
    let at = shown.indexOf(card);
    if (at < 0) {
      clear("all");
      at = shown.indexOf(card);
    }
    if (at >= limit) {
      limit = at + PAGE;
      draw();
    }
    const one = node(card);
    one.open = true;
    one.scrollIntoView({ block: "start" });
    if (focus) one.querySelector("summary").focus({ preventScroll: true });
  };

  const follow = () => {
    if (!location.hash.startsWith("#case=")) return;
    let key = location.hash.slice(6);
    try { key = decodeURIComponent(key); } catch { /* not encoded: take it as it is */ }
    const card = byKey.get(key);
    if (card) reveal(card, true);
  };

  const step = (by) => {
    const current = document.activeElement.closest?.("details.k");
    const at = current ? shown.findIndex((card) => card.node === current) : by > 0 ? -1 : shown.length;
    const next = shown[at + by];
    if (!next) return;
    if (current) current.open = false;
    history.replaceState(null, "", "#case=" + encodeURIComponent(next.key));
    reveal(next, true);
  };

  const onKey = (event) => {
    const typing = event.target.closest?.("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) {
      if (event.key === "Escape") { clear("flips"); search.blur(); }
      return;
    }
    const onCard = event.target.closest?.("details.k > summary");
    if (event.key === "j" || (event.key === "ArrowDown" && onCard)) step(1);
    else if (event.key === "k" || (event.key === "ArrowUp" && onCard)) step(-1);
    else if (event.key === "/") search.focus();
    else return;
    event.preventDefault();
  };

  const copy = async () => {
    const record = byId("record");
    let done = false;
    try {
      await navigator.clipboard.writeText(record.textContent);
      done = true;
    } catch {
      getSelection().selectAllChildren(record);  // without clipboard rights: mark it and use the older way
      done = document.execCommand("copy");
    }
    byId("copied").textContent = done ? "Copied" : "Marked: press Ctrl+C";
  };

  const option = (select) => (text, value) => {
    const one = document.createElement("option");
    one.value = value;
    one.textContent = text.replaceAll("_", " ");
    select.append(one);
  };
  index.categories.forEach(option(byCategory));
  index.labels.forEach(option(byLabel));
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", apply);
  form.addEventListener("reset", (event) => { event.preventDefault(); clear("flips"); });
  more.addEventListener("click", () => { limit += PAGE; draw(); });
  document.addEventListener("keydown", onKey);
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeprint", () => {  // on paper every flip is open, whatever is filtered on the screen
    const flips = cards.filter((card) => card.move < 2).map(node);
    flips.forEach((one) => { one.open = true; });
    list.replaceChildren(...flips);
  });
  window.addEventListener("afterprint", draw);
  byId("copy").hidden = false;
  byId("copy").addEventListener("click", copy);
  apply();
  follow();
  // Searching reads every case once; done while nothing else happens, the first letter typed is as quick as the next.
  const prepare = (from) => {
    const until = Math.min(from + 200, cards.length);
    for (let i = from; i < until; i += 1) words(cards[i]);
    if (until < cards.length) setTimeout(prepare, 0, until);
  };
  window.addEventListener("load", () => {
    follow();  // again: the browser's own jump to the fragment takes the focus away
    setTimeout(prepare, 100, 0);
  });
})();
