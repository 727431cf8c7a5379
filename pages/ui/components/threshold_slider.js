// The threshold slider. It says at once that it moved, but no more often than the page can follow.
const EVERY = 80; // milliseconds between two words to Python
const SNAP = 0.004; // near a locked point it is that point

function child(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

const GAP = 8; // pixels between two names on one line
const LINE = 1.25; // rem, from one line of names to the next

const percent = (value) => `${(100 * value).toFixed(1)}\u00a0%`;
const place = (value) => `${100 * value}%`;

// A name goes on the first line on which it does not run into another: up to one line a name.
function stagger(marks) {
  const ends = [];
  for (const mark of marks.children) {
    const { left, right } = mark.getBoundingClientRect();
    let line = ends.findIndex((end) => end + GAP <= left);
    if (line < 0) line = ends.length;
    ends[line] = right;
    mark.style.setProperty("--down", `${LINE * line}rem`);
  }
  marks.style.setProperty("--down", `${LINE * Math.max(0, ends.length - 1)}rem`);
}

function build(root) {
  const input = child("input", "range");
  input.type = "range";
  input.min = 0;
  input.max = 1;
  input.step = 0.001;
  input.setAttribute("aria-label", "Threshold on P(pneumonia)");
  const parts = {
    input,
    zone: child("span", "zone"),
    marks: child("div", "marks"),
    value: child("output", "value"),
  };
  const track = child("div", "track");
  track.append(parts.zone, input, parts.value);
  root.replaceChildren(track, parts.marks);
  return parts;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".slider");
  const state = (root.pneumo ??= { parts: build(root), sent: 0, timer: 0, touched: 0 });
  const { input, zone, marks, value } = state.parts;
  if (state.written !== data.path) {
    state.written = data.path;
    state.path = JSON.parse(data.path);
  }

  const paint = (at) => {
    value.textContent = percent(at);
    value.style.left = place(at);
    input.setAttribute("aria-valuetext", percent(at));
  };
  const send = (at) => {
    clearTimeout(state.timer);
    const wait = Math.max(0, state.sent + EVERY - Date.now());
    state.timer = setTimeout(() => {
      state.sent = Date.now();
      setStateValue("threshold", at);
    }, wait);
  };
  // The marks on the charts need not wait for Python: see chart_threshold.js.
  const lead = (at) => {
    const step = Math.round(at * (state.path.found.length - 1));
    const detail = { at: 100 * at };
    for (const name in state.path) detail[name] = state.path[name][step];
    document.dispatchEvent(new CustomEvent("pneumo.threshold", { detail }));
  };
  const go = (at) => {
    state.touched = Date.now();
    paint(at);
    lead(at);
    send(at);
  };
  const snapped = (at) =>
    data.points.reduce((best, p) => (Math.abs(p.at - at) < SNAP ? p.at : best), at);

  input.oninput = () => go(snapped(Number(input.value)));
  marks.replaceChildren(
    ...data.points.map((point) => {
      const mark = child("button", point.at === data.at ? "mark here" : "mark", point.name);
      mark.type = "button";
      mark.title = `${point.name}, locked at ${percent(point.at)}`;
      mark.style.left = place(point.at);
      if (point.at > 0.85) mark.classList.add("last");
      if (point.at < 0.15) mark.classList.add("first");
      mark.onclick = () => {
        input.value = point.at;
        go(point.at);
      };
      return mark;
    }),
  );
  stagger(marks);
  if (!state.watch) {
    state.watch = new ResizeObserver(() => stagger(marks));
    state.watch.observe(root);
  }
  zone.style.left = place(data.zone[0]);
  zone.style.width = place(data.zone[1] - data.zone[0]);
  // What Python says counts, unless a hand is on the slider.
  if (state.subject !== data.subject || Date.now() - state.touched > 1000) {
    state.subject = data.subject;
    input.value = data.at;
    paint(data.at);
  }
}
