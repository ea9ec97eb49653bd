
// A chapter at a time, each with its address, such as #minibatches. With ?all in the address, the
// whole text is there; so it is on paper, and without JavaScript.

const isWhole = new URLSearchParams(location.search).has("all");
const title = document.querySelector("main > h1");
const chapters = [...document.querySelectorAll("main > h2[id]")];
const links = [...document.querySelectorAll("#contents a")];
const parts = new Map(); // from a part of the text to its chapter's number; 0 is the beginning
let shown = null; // the number of the chapter that is shown

for (const part of [...document.querySelector("main").children]) {
  const before = parts.size ? [...parts.values()].pop() : 0;
  parts.set(part, before + chapters.includes(part));
}

for (const heading of chapters) {
  const name = `Link to “${heading.textContent}”`;
  heading.append(make("a", { class: "permalink", href: `#${heading.id}`, "aria-label": name }, "#"));
}

function showChapter(n) {
  if (n === shown || isWhole) return;
  shown = n;
  for (const [part, chapter] of parts) part.classList.toggle("elsewhere", chapter !== n);
  const pages = [title, ...chapters];
  const link = (rel, page, text) => page && make("a", { rel, href: `#${page.id}` }, text);
  const nameOfPage = (page) => (page === title ? "Beginning" : links[chapters.indexOf(page)].textContent);
  const previous = n && link("prev", pages[n - 1], `← ${nameOfPage(pages[n - 1])}`);
  const next = n + 1 < pages.length && link("next", pages[n + 1], `${nameOfPage(pages[n + 1])} →`);
  pager.replaceChildren(...[previous, next].filter(Boolean), make("a", { href: `?all#${pages[n].id}` }, "All chapters on one page"));
  redraw();
}

// Show the chapter of what the address names.
function openAddress() {
  const [id, query] = location.hash.slice(1).split("?");
  const place = (query === undefined && document.getElementById(id)) || document.getElementById(`play-${id}`);
  const part = place && place.closest("main > *");
  if (!part) return showChapter(shown || 0); // no place, or the text as a whole
  fold(); // the contents, where they would lie over it
  const isAnother = !isWhole && parts.get(part) !== shown;
  showChapter(parts.get(part));
  if (isAnother) place.scrollIntoView({ behavior: "instant" });
  openSettings();
}

function markChapter() {
  const above = chapters.filter((heading) => heading.getBoundingClientRect().top < 160).length;
  const at = (isWhole ? above : shown) - 1;
  links.forEach((link, i) => {
    if (i === at) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  });
  document.querySelector("#contents .now").textContent = at < 0 ? "" : links[at].textContent;
}

const pager = make("nav", { class: "pager", "aria-label": "Chapters" });
if (isWhole) pager.append(make("a", { href: `${location.pathname}` }, "A chapter at a time"));
document.querySelector("main").append(pager);
addEventListener("scroll", markChapter, { passive: true });
addEventListener("hashchange", openAddress);
redraws.push(markChapter);
openAddress();
