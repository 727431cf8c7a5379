// One page of films as buttons; a click gives the film's name to Python.
// Every word comes as text, never as markup: file names are untrusted.

function child(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function tile(film, marked, open) {
  const button = child("button", film.film === marked ? "film marked" : "film");
  button.type = "button";
  button.setAttribute("aria-label", film.alt);
  button.title = film.caption;
  const frame = child("span", "frame");
  const picture = child("img", "picture");
  picture.src = film.picture;
  picture.alt = "";
  picture.style.aspectRatio = film.aspect;
  picture.classList.add(film.aspect < 1 ? "tall" : "wide");
  frame.append(picture);
  const words = child("span", "caption");
  if (film.sign) words.append(child("span", `sign ${film.kind}`, `${film.sign} `));
  words.append(film.caption);
  button.append(frame, words);
  if (film.note) button.append(child("span", "note", film.note));
  button.onclick = () => open(film.film);
  const item = child("div", "item");
  item.setAttribute("role", "listitem");
  item.append(button);
  return item;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const grid = parentElement.querySelector(".grid");
  const open = (film) => setTriggerValue("opened", film);
  grid.replaceChildren(...data.tiles.map((film) => tile(film, data.marked, open)));
  // A gallery that comes anew with its page must not scroll the page to it; a new request must.
  const requests = (window.pneumoGalleryRequests ??= {});
  const before = requests[data.name];
  requests[data.name] = data.request;
  if (before !== undefined && before !== data.request && data.request) {
    setTimeout(() => grid.scrollIntoView({ block: "start" }), 100);
  }
}
