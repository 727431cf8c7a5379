// The film and its map on canvases: zoom, pan, window and level, at up to full resolution.
// The picture at display size comes first; the full one is fetched when the zoom needs it.
const [FILM, BLEND, MAP, PAIR] = ["Film", "Blend", "Map", "Side by side"];
const MOST = 8; // screen pixels a film pixel, at most
const STEP = 1.3; // of a button or a key
const LENGTHS = [1, 2, 5, 10, 20, 50, 100, 200]; // millimetres that a ruler may have
const DENSITY = 2; // device pixels a CSS pixel, at most: more cost time and show nothing

const KEYS = "Keys: ← → film, + − zoom, i invert, space film or map. Click the film to zoom with "
  + "the wheel; a double click zooms in and out.";

const limit = (value, low, high) => Math.min(Math.max(value, low), high);

function child(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(text, title, act) {
  const made = child("button", "", text);
  made.type = "button";
  made.title = title;
  if (text !== title) made.setAttribute("aria-label", title);
  made.onclick = act;
  return made;
}

function slider(name, least, most, moved) {
  const made = child("label", "slider");
  const input = child("input", "");
  const shown = child("output", "");
  Object.assign(input, { type: "range", min: least, max: most, step: 1 });
  input.oninput = () => moved(Number(input.value));
  made.append(child("span", "", name), input, shown);
  const set = (value, words) => {
    input.value = value;
    shown.textContent = words ?? Math.round(value);
  };
  return { made, set };
}

async function picture(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.status);
  return createImageBitmap(await answer.blob());
}

// The map in its colours, opaque; and covering no more than its value at each place.
async function heatOf(levels, palette) {
  const grey = await picture(levels);
  const canvases = [0, 1].map(() => Object.assign(document.createElement("canvas"),
    { width: grey.width, height: grey.height }));
  for (const [at, canvas] of canvases.entries()) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(grey, 0, 0);
    const image = context.getImageData(0, 0, grey.width, grey.height);
    const pixels = image.data;
    for (let i = 0; i < pixels.length; i += 4) {
      const value = pixels[i];
      for (let c = 0; c < 3; c += 1) pixels[i + c] = palette[3 * value + c];
      pixels[i + 3] = at ? value : 255;
    }
    context.putImageData(image, 0, 0);
  }
  return { map: canvases[0], cover: canvases[1] };
}

class Viewer {
  constructor(root) {
    this.root = root;
    this.pointers = new Map();
    this.tool = "move";
    this.touched = 0;
    this.build();
    this.watch = new ResizeObserver(() => this.paint());
    this.onkey = (event) => this.key(event);
  }

  connect() {
    this.watch.observe(this.stage);
    document.addEventListener("keydown", this.onkey);
  }

  disconnect() {
    this.watch.disconnect();
    document.removeEventListener("keydown", this.onkey);
  }

  build() {
    this.views = child("div", "bar");
    this.stage = child("div", "stage");
    this.stage.tabIndex = 0;
    this.stage.setAttribute("role", "img");
    this.panes = [0, 1].map(() => {
      const pane = child("div", "pane");
      const canvas = document.createElement("canvas");
      pane.append(canvas);
      this.stage.append(pane);
      return { pane, canvas, context: canvas.getContext("2d", { willReadFrequently: true }) };
    });
    this.ruler = child("div", "ruler");
    this.ruler.append(child("span", ""));
    this.state = child("div", "state");
    this.panes[0].pane.append(this.ruler);
    this.stage.append(this.state);
    this.buildTools();
    this.root.replaceChildren(this.views, this.stage, this.tools, this.windows, this.mapBar,
      this.note);
    this.listen();
  }

  buildTools() {
    this.zoomShown = child("output", "zoom");
    this.moveTool = button("Move", "Drag to move the film", () => this.use("move"));
    this.windowTool = button("Window", "Drag to set the window: up and down for level, left "
      + "and right for width. The right mouse button always does this",
      () => this.use("window"));
    this.inverter = button("Invert", "Invert the grey levels (i)", () => this.invert());
    const zoom = child("span", "group");
    zoom.append(button("−", "Smaller (−)", () => this.zoomBy(1 / STEP)),
      button("+", "Larger (+)", () => this.zoomBy(STEP)),
      button("Fit", "The whole film (0)", () => this.fit()),
      button("1:1", "One film pixel per screen pixel (1)", () => this.actual()));
    const drag = child("span", "group");
    drag.append(this.moveTool, this.windowTool);
    this.full = button("Full screen", "Full screen", () => (document.fullscreenElement
      ? document.exitFullscreen() : this.root.requestFullscreen()).catch(() => {}));
    this.full.hidden = !document.fullscreenEnabled;
    this.tools = child("div", "bar");
    const reset = button("Reset", "Reset zoom, window and inversion", () => this.reset());
    this.tools.append(zoom, this.zoomShown, drag, this.inverter, reset, this.full);

    this.preset = child("select", "");
    this.preset.setAttribute("aria-label", "Window preset");
    this.preset.onchange = () => {
      const [low, high] = this.data.presets[this.preset.value] ?? [0, 255];
      this.setWindow((low + high) / 2, high - low);
    };
    this.level = slider("Level", 0, 255, (value) => this.setWindow(value, this.width));
    this.widths = slider("Width", 2, 255, (value) => this.setWindow(this.centre, value));
    this.windows = child("div", "bar");
    this.windows.append(this.preset, this.level.made, this.widths.made);

    this.opacity = slider("Opacity of the map", 0, 100, (value) => this.show({ opacity: value }));
    const check = child("label", "check");
    this.outline = child("input", "");
    this.outline.type = "checkbox";
    this.outline.onchange = () => this.show({ outline: this.outline.checked });
    check.append(this.outline, "Outline the lungs and what the model saw");
    check.title = "Right lung blue, left lung orange, as the finder marks them. White frame: the "
      + "part that the model saw.";
    this.outlineCheck = check;
    this.mapBar = child("div", "bar");
    this.mapBar.append(this.opacity.made, check);
    this.note = child("p", "note");
  }

  listen() {
    const stage = this.stage;
    stage.onpointerdown = (event) => this.down(event);
    stage.onpointermove = (event) => this.move(event);
    stage.onpointerup = stage.onpointercancel = (event) => this.pointers.delete(event.pointerId);
    stage.oncontextmenu = (event) => event.preventDefault();
    stage.ondblclick = (event) => {
      if (this.zoom > 1) this.fit();
      else this.zoomTo(Math.max(this.actualZoom(), 2), event);
    };
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    // The arrows move a slider that has the focus, not the worklist.
    this.root.addEventListener("keydown", (event) => {
      if (event.key.startsWith("Arrow") && event.target.matches("input, select")) {
        event.stopPropagation();
      }
    });
  }

  // What Python says: another film, or another view.
  take(data, report) {
    const before = this.data;
    this.data = data;
    this.report = report;
    if (before?.film !== data.film) this.open();
    else if (this.missing) this.load(); // its address may be there again
    if (before?.film !== data.film || Date.now() - this.touched > 1000) {
      Object.assign(this, { view: data.view, alpha: data.opacity, outlined: data.outline });
    }
    this.controls();
    this.paint();
  }

  open() {
    const { data } = this;
    this.small = this.large = this.heat = null;
    this.preset.replaceChildren(...Object.keys(data.presets).map((name) => {
      const option = child("option", "", name);
      option.value = name;
      return option;
    }), Object.assign(child("option", "", "Custom"), { value: "" }));
    this.reset();
    this.stage.style.setProperty("--aspect", `${data.width} / ${data.height}`);
    this.load();
  }

  load() {
    const { data } = this;
    this.asked = this.missing = false;
    const keep = (name) => (made) => {
      if (this.data.film === data.film) this[name] = made;
      this.paint();
    };
    if (!this.small) picture(data.picture).then(keep("small"), () => keep("missing")(true));
    if (data.levels && !this.heat) {
      heatOf(data.levels, data.palette).then(keep("heat"), () => {});
    }
  }

  controls() {
    const { data } = this;
    const names = data.levels ? [FILM, BLEND, MAP, PAIR] : [];
    const group = child("span", "group views");
    group.append(...names.map((name) => {
      const made = button(name, name, () => this.show({ view: name }));
      made.setAttribute("aria-pressed", name === this.view);
      return made;
    }));
    const focused = this.root.getRootNode().activeElement?.textContent;
    if (this.views.querySelector(":focus")) {
      [...group.children].find((one) => one.textContent === focused)?.setAttribute("data-focus", "");
    }
    this.views.replaceChildren(...(names.length ? [group] : []));
    group.querySelector("[data-focus]")?.focus();
    this.mapBar.hidden = !data.levels;
    this.opacity.made.hidden = ![BLEND, PAIR].includes(this.view);
    this.opacity.set(this.alpha, `${Math.round(this.alpha)}\u00a0%`);
    this.outlineCheck.hidden = !data.outlines.length;
    this.outline.checked = this.outlined;
    this.stage.setAttribute("aria-label", data.alt);
    this.stage.classList.toggle("pair", this.paired());
    this.panes[1].pane.hidden = !this.paired();
    this.note.replaceChildren(data.note, child("span", "keys", ` ${KEYS}`));
  }

  paired() {
    return this.view === PAIR && Boolean(this.data.levels);
  }

  show(change) {
    if (change.view !== undefined) {
      if (change.view !== this.view) this.before = this.view;
      this.view = change.view;
    }
    if (change.opacity !== undefined) this.alpha = change.opacity;
    if (change.outline !== undefined) this.outlined = change.outline;
    this.touched = Date.now();
    this.controls();
    this.paint();
    clearTimeout(this.timer);
    const said = { view: this.view, opacity: this.alpha, outline: this.outlined };
    this.timer = setTimeout(() => this.report(said), change.opacity === undefined ? 0 : 300);
  }

  // Zoom 1 is the whole film; x and y (0..1 of the film) lie in the middle of the pane.
  box() {
    const { clientWidth: wide, clientHeight: high } = this.panes[0].pane;
    return { wide, high, fit: Math.min(wide / this.data.width, high / this.data.height) || 1 };
  }

  density() {
    return Math.min(window.devicePixelRatio || 1, DENSITY);
  }

  actualZoom() {
    return 1 / (this.box().fit * (window.devicePixelRatio || 1));
  }

  zoomTo(zoom, at) {
    const { wide, high, fit } = this.box();
    const most = Math.max(MOST * this.actualZoom(), 4);
    const next = limit(zoom, 1, most);
    if (at) {
      const area = this.paneAt(at).getBoundingClientRect();
      const [dx, dy] = [at.clientX - area.left - wide / 2, at.clientY - area.top - high / 2];
      const gain = 1 / (fit * this.zoom) - 1 / (fit * next);
      this.x += (dx * gain) / this.data.width;
      this.y += (dy * gain) / this.data.height;
    }
    this.zoom = next;
    this.paint();
  }

  paneAt({ clientX, clientY }) {
    const inside = ({ pane }) => {
      const { left, right, top, bottom } = pane.getBoundingClientRect();
      return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
    };
    return (this.panes.find((one) => !one.pane.hidden && inside(one)) ?? this.panes[0]).pane;
  }

  zoomBy(factor) {
    this.zoomTo(this.zoom * factor);
  }

  fit() {
    this.zoomTo(1);
  }

  actual() {
    this.zoomTo(this.actualZoom());
  }

  invert() {
    this.inverted = !this.inverted;
    this.paint();
  }

  use(tool) {
    this.tool = tool;
    this.paint();
  }

  setWindow(centre, width) {
    this.centre = limit(centre, 0, 255);
    this.width = limit(width, 2, 255);
    this.paint();
  }

  reset() {
    Object.assign(this, { zoom: 1, x: 0.5, y: 0.5, inverted: false });
    this.setWindow(127.5, 255);
  }

  down(event) {
    if (event.button === 1) return;
    this.stage.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY });
    this.windowing = event.button === 2 || this.tool === "window";
  }

  move(event) {
    const old = this.pointers.get(event.pointerId);
    if (!old) return;
    const now = { clientX: event.clientX, clientY: event.clientY };
    this.pointers.set(event.pointerId, now);
    const [dx, dy] = [now.clientX - old.clientX, now.clientY - old.clientY];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const far = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      this.pan(dx / 2, dy / 2);
      const middle = { clientX: (now.clientX + other.clientX) / 2,
        clientY: (now.clientY + other.clientY) / 2 };
      this.zoomTo((this.zoom * far(now)) / Math.max(far(old), 1), middle);
    } else if (this.windowing) {
      this.setWindow(this.centre + dy / 2, this.width + dx / 2);
    } else {
      this.pan(dx, dy);
    }
  }

  pan(dx, dy) {
    const scale = this.box().fit * this.zoom;
    this.x -= dx / (scale * this.data.width);
    this.y -= dy / (scale * this.data.height);
    this.paint();
  }

  // The wheel scrolls the page until the film is chosen: by a click, by a zoom, or by Ctrl.
  wheel(event) {
    const chosen = this.root.getRootNode().activeElement === this.stage || this.zoom > 1;
    const nothing = this.zoom === 1 && event.deltaY > 0 && !event.ctrlKey;
    if (!(chosen || event.ctrlKey || event.metaKey) || nothing) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : 1);
    this.zoomTo(this.zoom * Math.exp(-limit(pixels, -300, 300) / (event.ctrlKey ? 150 : 400)), event);
  }

  key(event) {
    const target = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (target.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    if (document.querySelector('[role="dialog"]')) return;
    const { top, bottom } = this.stage.getBoundingClientRect();
    if (bottom < 0 || top > window.innerHeight) return; // out of sight: the page keeps its keys
    const presses = target.matches?.("button, a, summary, [role=button], input");
    const act = {
      "+": () => this.zoomBy(STEP), "=": () => this.zoomBy(STEP), "-": () => this.zoomBy(1 / STEP),
      "−": () => this.zoomBy(1 / STEP), i: () => this.invert(), I: () => this.invert(),
      0: () => this.fit(), 1: () => this.actual(),
      " ": presses || !this.data.levels ? null : () => this.swap(),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  swap() {
    const map = [BLEND, MAP, PAIR].includes(this.before) ? this.before : BLEND;
    this.show({ view: this.view === FILM ? map : FILM });
  }

  paint() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.data && this.draw());
  }

  draw() {
    const { data } = this;
    const { wide, high, fit } = this.box();
    const scale = fit * this.zoom;
    for (const [axis, room, size] of [["x", wide, data.width], ["y", high, data.height]]) {
      const half = room / (2 * scale * size); // of the film, on either side of the middle
      this[axis] = half >= 0.5 ? 0.5 : limit(this[axis], half, 1 - half);
    }
    this.stage.style.touchAction = this.zoom > 1 || this.tool === "window" ? "none" : "pan-y";
    this.stage.classList.toggle("windowing", this.tool === "window");
    const views = this.paired() ? [FILM, BLEND] : [data.levels ? this.view : FILM];
    views.forEach((view, at) => this.drawPane(this.panes[at], view, scale));
    this.words(scale);
  }

  drawPane({ pane, canvas, context }, view, scale) {
    const { data } = this;
    const density = this.density();
    const [wide, high] = [pane.clientWidth, pane.clientHeight].map((n) => Math.round(n * density));
    if (canvas.width !== wide) canvas.width = wide;
    if (canvas.height !== high) canvas.height = high;
    const s = scale * density;
    const place = { left: wide / 2 - this.x * data.width * s, top: high / 2 - this.y * data.height * s,
      wide: data.width * s, high: data.height * s };
    context.globalAlpha = 1;
    context.fillStyle = "#000";
    context.fillRect(0, 0, wide, high);
    const image = this.source(place.wide);
    if (view === MAP && this.heat) {
      this.lay(context, this.heat.map, place, wide, high);
    } else if (image) {
      const seen = this.lay(context, image, place, wide, high);
      this.applyWindow(context, seen);
      context.globalAlpha = this.alpha / 100;
      if (view === BLEND && this.heat) this.lay(context, this.heat.cover, place, wide, high);
    }
    context.globalAlpha = 1;
    if (this.outlined) this.drawOutlines(context, place, density);
  }

  // The smaller picture, until it would be enlarged; then the full one is asked for.
  source(wide) {
    if (this.small && !this.large && wide > this.small.width && this.data.full && !this.asked) {
      const film = this.data.film;
      this.asked = true;
      const keep = (made) => {
        if (this.data.film !== film) return;
        if (made) this.large = made;
        else this.missing = true;
        this.paint();
      };
      picture(this.data.full).then(keep, () => keep(null));
    }
    return this.large && wide > this.small?.width ? this.large : this.small;
  }

  // Only the part in sight is drawn; returns where, in whole pixels of the canvas.
  lay(context, image, place, wide, high) {
    const x0 = Math.max(0, Math.floor(place.left));
    const y0 = Math.max(0, Math.floor(place.top));
    const x1 = Math.min(wide, Math.ceil(place.left + place.wide));
    const y1 = Math.min(high, Math.ceil(place.top + place.high));
    const [sx, sy] = [image.width / place.wide, image.height / place.high];
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = sx > 1.5 ? "medium" : "low";
    context.drawImage(image, (x0 - place.left) * sx, (y0 - place.top) * sy, (x1 - x0) * sx,
      (y1 - y0) * sy, x0, y0, x1 - x0, y1 - y0);
    return [x0, y0, x1 - x0, y1 - y0];
  }

  applyWindow(context, [x, y, wide, high]) {
    if ((this.width >= 255 && !this.inverted) || wide < 1 || high < 1) return;
    const low = this.centre - this.width / 2;
    const table = new Uint32Array(256);
    for (let v = 0; v < 256; v += 1) {
      const shown = Math.round(limit(((v - low) * 255) / this.width, 0, 255));
      const grey = this.inverted ? 255 - shown : shown;
      table[v] = (0xff000000 | (grey << 16) | (grey << 8) | grey) >>> 0;
    }
    const image = context.getImageData(x, y, wide, high);
    const pixels = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i += 1) pixels[i] = table[pixels[i] & 255];
    context.putImageData(image, x, y);
  }

  drawOutlines(context, place, density) {
    context.lineWidth = 1.5 * density;
    for (const { colour, points } of this.data.outlines) {
      context.strokeStyle = colour;
      context.beginPath();
      for (const [x, y] of points) {
        context.lineTo(place.left + x * place.wide, place.top + y * place.high);
      }
      context.closePath();
      context.stroke();
    }
  }

  words(scale) {
    const shown = scale * (window.devicePixelRatio || 1);
    this.zoomShown.textContent = `${Math.round(100 * shown)}\u00a0%`;
    this.zoomShown.title = "Screen pixels per film pixel";
    this.level.set(this.centre);
    this.widths.set(this.width);
    const same = ([low, high]) => Math.abs((low + high) / 2 - this.centre) < 1
      && Math.abs(high - low - this.width) < 1;
    const named = Object.entries(this.data.presets).find(([, range]) => same(range));
    this.preset.value = named ? named[0] : "";
    this.inverter.setAttribute("aria-pressed", this.inverted);
    this.moveTool.setAttribute("aria-pressed", this.tool === "move");
    this.windowTool.setAttribute("aria-pressed", this.tool === "window");
    const waits = this.asked && !this.large && !this.missing;
    const parts = [waits ? "full resolution is loading…" : "", this.inverted ? "inverted" : ""];
    if (this.missing) parts.push("the full picture could not be loaded");
    this.state.textContent = parts.filter(Boolean).join(" · ");
    Object.assign(this.root.dataset, { zoom: shown.toFixed(3), full: Boolean(this.large) });
    const pixels = this.data.spacing ? scale / this.data.spacing : 0; // of the screen a millimetre
    const longest = Math.min(this.panes[0].pane.clientWidth / 3, 240);
    const length = LENGTHS.findLast((mm) => mm * pixels <= longest) ?? 0;
    this.ruler.hidden = !pixels || !length;
    this.ruler.style.width = `${length * pixels}px`;
    this.ruler.firstChild.textContent = length < 10 ? `${length} mm` : `${length / 10} cm`;
  }
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".viewer");
  const viewer = (root.pneumo ??= new Viewer(root)); // kept from run to run, with its zoom
  viewer.connect();
  viewer.take(data, (shown) => setStateValue("shown", shown));
  return () => viewer.disconnect();
}
