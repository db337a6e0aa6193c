// Fingers, mouse and keys of one chart.

const DRAGGED = 6; // pixels that a mouse has to move to choose a range
const TAPPED = 10; // pixels that a finger may move in a tap
const TWICE_MS = 350; // between the taps of a double tap
const CLOSEST = 20; // pixels between two fingers

class Fingers {
  constructor(chart) {
    this.chart = chart;
    this.down = new Map(); // pointer -> its last event
    this.start = null; // how it was when the last finger came or went
    this.lastTap = 0;
    const plot = chart.plot;
    plot.addEventListener("pointerdown", (event) => this.pressed(event));
    plot.addEventListener("pointermove", (event) => this.moved(event));
    plot.addEventListener("pointerup", (event) => this.released(event));
    plot.addEventListener("pointercancel", (event) => this.released(event));
    plot.addEventListener("pointerleave", (event) => this.left(event));
    plot.addEventListener("dblclick", () => chart.zoom(chart.whole));
    plot.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    plot.addEventListener("keydown", (event) => this.typed(event));
    plot.addEventListener("blur", () => chart.point(null));
  }

  pressed(event) {
    if (event.button > 0) return;
    this.chart.plot.setPointerCapture(event.pointerId);
    this.down.set(event.pointerId, event);
    this.begin(event);
    if (event.pointerType !== "mouse") this.point(event);
  }

  begin(event) {
    const { chart } = this;
    const view = [...chart.view];
    this.start = { x: event.clientX, at: chart.at(event), view, pinch: this.pinch() };
  }

  moved(event) {
    const isMouse = event.pointerType === "mouse";
    if (!this.down.has(event.pointerId)) {
      if (isMouse) this.point(event);
      return;
    }
    this.down.set(event.pointerId, event);
    if (this.down.size === 2) this.spread();
    else if (isMouse && !event.shiftKey) this.choose(event);
    else if (this.down.size === 1 && this.chart.isZoomed()) this.pan(event);
    else this.point(event);
  }

  point(event) {
    this.chart.point(this.chart.at(event), this.chart.heightOf(event));
  }

  choose(event) {
    this.chart.selection = [this.start.at, this.chart.at(event)];
    this.point(event);
  }

  pan(event) {
    const { view, x } = this.start;
    const { left, right } = this.chart.box;
    const moved = ((event.clientX - x) / (right - left)) * (view[1] - view[0]);
    this.chart.cursor = null;
    this.chart.zoom([view[0] - moved, view[1] - moved]);
  }

  // Middle and distance of two fingers, in pixels.
  pinch() {
    if (this.down.size !== 2) return null;
    const [one, two] = [...this.down.values()].map((each) => each.clientX);
    return { middle: (one + two) / 2, distance: Math.max(Math.abs(one - two), CLOSEST) };
  }

  // What was below the middle of the fingers stays there.
  spread() {
    const { view, pinch } = this.start;
    if (!pinch) return;
    const now = this.pinch();
    const { left, right } = this.chart.box;
    const offset = this.chart.plot.getBoundingClientRect().left + left;
    const share = (middle) => (middle - offset) / (right - left);
    const span = ((view[1] - view[0]) * pinch.distance) / now.distance;
    const from = view[0] + share(pinch.middle) * (view[1] - view[0]) - share(now.middle) * span;
    this.chart.cursor = null;
    this.chart.zoom([from, from + span]);
  }

  released(event) {
    const { chart } = this;
    const chosen = chart.selection;
    chart.selection = null;
    if (!this.down.delete(event.pointerId)) return;
    const moved = Math.abs(event.clientX - this.start.x);
    const isOver = event.type === "pointerup"; // and not taken over by the scrolling page
    if (isOver && chosen && moved > DRAGGED) chart.zoom(chosen.sort((one, two) => one - two));
    else if (isOver && event.pointerType !== "mouse" && moved < TAPPED) this.tapped(event);
    for (const rest of this.down.values()) this.begin(rest);
    drawCursor(chart);
  }

  tapped(event) {
    if (event.timeStamp - this.lastTap < TWICE_MS) this.chart.zoom(this.chart.whole);
    this.lastTap = event.timeStamp;
  }

  left(event) {
    if (event.pointerType === "mouse" && !this.down.size) this.chart.point(null);
  }

  wheeled(event) {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    this.around(this.chart.at(event), Math.exp(event.deltaY / 100));
  }

  around(at, factor) {
    const [from, to] = this.chart.view;
    this.chart.zoom([at - (at - from) * factor, at + (to - at) * factor]);
  }

  typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { chart } = this;
    const [from, to] = chart.view;
    const at = chart.cursor === null ? (from + to) / 2 : chart.cursor;
    const keys = {
      "+": () => this.around(at, 0.5),
      "=": () => this.around(at, 0.5),
      "-": () => this.around(at, 2),
      0: () => chart.zoom(chart.whole),
      Escape: () => chart.zoom(chart.whole),
      l: () => chart.setLog(!chart.isLog),
      ArrowLeft: () => chart.point(at - (to - from) / 50),
      ArrowRight: () => chart.point(at + (to - from) / 50),
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }
}
