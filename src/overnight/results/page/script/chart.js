// One chart: its figure in the page, what is shown of it, and its buttons.

class Chart {
  constructor(figure) {
    const raw = JSON.parse(figure.querySelector("script").textContent);
    this.figure = figure;
    this.raw = raw;
    const axes = raw.axes.map(axis);
    this.lines = raw.lines.map((line) => readLine(line, axes));
    let place = 0;
    for (const line of this.lines) line.style = line.isBase ? -1 : place++;
    this.isLog = raw.log && this.hasPositive();
    this.whole = extentOf(this);
    this.view = [...this.whole];
    this.cursor = null;
    this.build();
    new ResizeObserver(() => this.resize()).observe(this.plot);
  }

  hasPositive() {
    return this.lines.some((line) => line.high.some((value) => value > 0));
  }

  build() {
    this.plot = element("div", "plot");
    this.plot.tabIndex = 0;
    this.plot.setAttribute("role", "img");
    this.canvas = element("canvas");
    this.over = element("canvas", "over");
    this.plot.append(this.canvas, this.over);
    this.legend = element("div", this.lines.length > LISTED ? "legend long" : "legend");
    for (const line of this.lines) this.legend.append(this.item(line));
    const lengths = this.lines.map((line) => line.name.length + (line.lost ? 5 : 0));
    const wide = Math.max(...lengths, 0) * 0.45 + 5.2; // with room for a value
    this.legend.style.setProperty("--item", `${Math.min(Math.max(wide, 8.6), 22)}rem`);
    this.figure.querySelector("figcaption").append(this.tools());
    this.figure.querySelector("script").after(this.plot, this.legend);
    this.explain();
    this.describe();
    new Fingers(this);
  }

  tools() {
    this.logButton = button("", "log", () => this.setLog(!this.isLog));
    this.logButton.title = "logarithmic y axis (key l)";
    this.logButton.disabled = !this.hasPositive();
    this.resetButton = button("", "reset", () => this.zoom(this.whole));
    this.resetButton.title = "show all (double click, or key 0)";
    const tools = element("div", "tools");
    tools.append(this.logButton, this.resetButton);
    return tools;
  }

  // What the signs in the chart mean, also for those who cannot point at them.
  explain() {
    const told = element("ul", "signs");
    const tell = (words) => told.append(element("li", "", words));
    if (this.lines.some((line) => line.lost)) tell("\u00d7 NaN or infinity");
    const marks = this.lines.flatMap((line) => line.marks.map(([x, words]) => [line, x, words]));
    for (const [line, x, words] of marks.slice(0, MARKS_TOLD)) {
      tell(`\u25b2 ${line.name}, ${this.raw.x} ${short(x, 7)}: ${words}`);
    }
    if (marks.length > MARKS_TOLD) tell(`\u25b2 and ${marks.length - MARKS_TOLD} more`);
    if (told.childElementCount) this.legend.after(told);
  }

  item(line) {
    const item = button("item", "", () => this.toggle(line));
    line.item = item;
    line.sample = element("canvas", "sample");
    line.readout = element("span", "value");
    item.append(line.sample, element("span", "name", line.name), line.readout);
    if (line.lost) item.append(element("span", "lost", `\u00d7${line.lost}`));
    item.title = line.lost ? `${line.name}: ${line.lost} values are NaN or infinite` : line.name;
    item.setAttribute("aria-pressed", "true");
    item.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") this.choose(line);
    });
    item.addEventListener("pointerleave", () => this.choose(null));
    item.addEventListener("focus", () => item.matches(":focus-visible") && this.choose(line));
    item.addEventListener("blur", () => this.choose(null));
    return item;
  }

  toggle(line) {
    line.isShown = !line.isShown;
    line.item.setAttribute("aria-pressed", String(line.isShown));
    this.choose(null);
  }

  // The line that stands out, and the others step back.
  choose(line) {
    this.chosen = line && line.isShown ? line : null;
    this.draw();
  }

  isZoomed() {
    return this.view[0] !== this.whole[0] || this.view[1] !== this.whole[1];
  }

  describe() {
    const [from, to] = this.view.map((x) => short(x));
    const names = this.lines.map((line) => line.name).join(", ");
    const told = `${this.raw.y} of ${names}; ${this.raw.x} ${from} to ${to}`;
    this.plot.setAttribute("aria-label", `${this.raw.title}: ${told}`);
    this.figure.dataset.from = this.view[0];
    this.figure.dataset.to = this.view[1];
    this.figure.dataset.log = this.isLog;
    this.logButton.setAttribute("aria-pressed", String(this.isLog));
    this.resetButton.disabled = !this.isZoomed();
  }

  setLog(isLog) {
    this.isLog = isLog && this.hasPositive();
    this.describe();
    this.draw();
  }

  zoom([from, to]) {
    const [least, most] = this.whole;
    const span = Math.min(Math.max(to - from, (most - least) / 1e5), most - least);
    const start = Math.min(Math.max(from, least), most - span);
    this.view = span >= most - least ? [least, most] : [start, start + span];
    this.describe();
    this.draw();
  }

  resize() {
    const width = this.plot.clientWidth;
    if (!width) return;
    const height = this.plot.clientHeight || HEIGHT;
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.canvas, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.width = width;
    this.height = height;
    this.draw();
  }

  draw() {
    if (this.width) drawChart(this);
  }

  // `height`: of the pointer, in pixels, where there is one.
  point(at, height = null) {
    this.cursor = at === null ? null : Math.min(Math.max(at, this.view[0]), this.view[1]);
    this.pointed = at === null ? null : height;
    drawCursor(this);
  }

  heightOf(event) {
    return event.clientY - this.plot.getBoundingClientRect().top;
  }

  at(event) {
    const place = event.clientX - this.plot.getBoundingClientRect().left;
    const { left, right } = this.box;
    return this.view[0] + ((place - left) / (right - left)) * (this.view[1] - this.view[0]);
  }
}
