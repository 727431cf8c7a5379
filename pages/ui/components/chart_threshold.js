// The threshold on a chart that Plotly drew once: it moves with the slider's hand.
const FAR = 0.001; // of an axis: rounding, not outside

const shape = (name, of) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  made.setAttribute("class", of);
  return made;
};

// Where the chart has its axes, in pixels from the element that the marks are drawn in.
function axes(chart, from) {
  const plot = chart?.querySelector(".nsewdrag");
  if (!plot) return null;
  const [area, origin] = [plot.getBoundingClientRect(), from.getBoundingClientRect()];
  const { width, height } = area;
  return { left: area.left - origin.left, top: area.top - origin.top, width, height };
}

// 0 at the axis' beginning, 1 at its end; null outside of it, and where there is no value.
function share(value, [low, high]) {
  if (value === null || value === undefined) return null;
  const at = (value - low) / (high - low);
  return at < -FAR || at > 1 + FAR ? null : at;
}

function paint(state) {
  const { svg, data, position } = state;
  const area = axes(document.querySelector(`.${data.chart}`), svg);
  const parts = [];
  const x = share(position[data.x.of], data.x.range);
  const y = data.y && share(position[data.y.of], data.y.range);
  if (area) {
    const { left, top, width, height } = area;
    const [across, down] = [left + x * width, top + (1 - y) * height];
    const line = (d) => parts.push(["path", data.y ? "fine" : "line", d]);
    if (x !== null) line(`M${across},${top}v${height}`);
    if (data.y && y !== null) line(`M${left},${down}h${width}`);
    if (data.y && x !== null && y !== null) {
      parts.push(["path", "point", `M${across},${down - 9}l9,9l-9,9l-9,-9z`]);
    }
  }
  svg.replaceChildren(
    ...parts.map(([name, of, d]) => {
      const made = shape(name, of);
      made.setAttribute("d", d);
      return made;
    }),
  );
}

function build(root, block) {
  const svg = shape("svg", "mark");
  svg.setAttribute("aria-hidden", "true");
  root.replaceChildren(svg);
  const state = { svg, data: null, position: {}, touched: 0, frame: 0 };
  state.paint = () => {
    cancelAnimationFrame(state.frame);
    state.frame = requestAnimationFrame(() => paint(state));
  };
  state.follow = ({ detail }) => {
    state.touched = Date.now();
    state.position = detail;
    state.paint();
  };
  document.addEventListener("pneumo.threshold", state.follow);
  // Plotly draws again when the page's width changes, and when another chart is asked for.
  state.watch = new MutationObserver(state.paint);
  const attributeFilter = ["width", "height", "x", "y"];
  state.watch.observe(block, { subtree: true, childList: true, attributes: true, attributeFilter });
  return state;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".over");
  const block = parentElement.getRootNode().host.closest('[data-testid="stVerticalBlock"]');
  const state = (root.pneumo ??= build(root, block));
  const fresh = state.data?.subject !== data.subject || Date.now() - state.touched > 1000;
  state.data = data;
  // What Python says counts, unless a hand is on the slider.
  if (fresh) state.position = data.position;
  state.paint();
  return () => {
    document.removeEventListener("pneumo.threshold", state.follow);
    state.watch.disconnect();
    delete root.pneumo;
  };
}
