// Fingers, mouse and keys.

function listen(chart) {
  const plot = chart.plot;
  const fingers = new Map();
  let start = null, lastTap = 0;

  plot.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    plot.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event);
    start = { x: event.clientX, at: chart.at(event), view: [...chart.view], pinch: pinch() };
    if (event.pointerType !== "mouse") chart.point(chart.at(event), chart.heightOf(event));
  });

  plot.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) {
      if (event.pointerType === "mouse") chart.point(chart.at(event), chart.heightOf(event));
      return;
    }
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) spread();
    else if (event.pointerType === "mouse" && !event.shiftKey) {
      chart.selection = [start.at, chart.at(event)];
      chart.point(chart.at(event), chart.heightOf(event));
    } else if (fingers.size === 1 && isZoomed(start.view)) pan(event);
    else chart.point(chart.at(event), chart.heightOf(event));
  });

  const isZoomed = (view) => view[0] !== chart.whole[0] || view[1] !== chart.whole[1];

  function pan(event) {
    const { left, right } = chart.box;
    const moved = ((event.clientX - start.x) / (right - left)) * (start.view[1] - start.view[0]);
    chart.cursor = null;
    chart.zoom([start.view[0] - moved, start.view[1] - moved]);
  }

  /* Middle and distance of two fingers, in pixels. */
  function pinch() {
    if (fingers.size !== 2) return null;
    const [one, two] = [...fingers.values()].map((each) => each.clientX);
    return { middle: (one + two) / 2, distance: Math.max(Math.abs(one - two), 20) };
  }

  function spread() {
    const now = pinch();
    if (!start.pinch) return;
    const { left, right } = chart.box;
    const offset = plot.getBoundingClientRect().left + left;
    const wide = start.view[1] - start.view[0];
    const anchor = start.view[0] + ((start.pinch.middle - offset) / (right - left)) * wide;
    const span = (wide * start.pinch.distance) / now.distance;
    const from = anchor - ((now.middle - offset) / (right - left)) * span;
    chart.cursor = null;
    chart.zoom([from, from + span]);
  }

  function released(event) {
    const was = fingers.get(event.pointerId);
    fingers.delete(event.pointerId);
    const chosen = chart.selection;
    chart.selection = null;
    if (!was || !start) return;
    const moved = Math.abs(event.clientX - start.x);
    if (chosen && moved > 6 && event.type === "pointerup") {
      chart.zoom(chosen[0] < chosen[1] ? chosen : [chosen[1], chosen[0]]);
    } else if (event.pointerType !== "mouse" && event.type === "pointerup" && moved < 10) {
      if (event.timeStamp - lastTap < 350) chart.zoom(chart.whole);
      lastTap = event.timeStamp;
    }
    if (fingers.size === 1) {
      const [rest] = fingers.values();
      start = { x: rest.clientX, at: chart.at(rest), view: [...chart.view], pinch: null };
    }
    drawCursor(chart);
  }
  plot.addEventListener("pointerup", released);
  plot.addEventListener("pointercancel", released);
  plot.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse" && !fingers.size) chart.point(null);
  });
  plot.addEventListener("dblclick", () => chart.zoom(chart.whole));
  plot.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    around(chart.at(event), Math.exp(event.deltaY / 100));
  }, { passive: false });

  function around(at, factor) {
    const [from, to] = chart.view;
    chart.zoom([at - (at - from) * factor, at + (to - at) * factor]);
  }

  plot.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, to] = chart.view;
    const middle = chart.cursor === null ? (from + to) / 2 : chart.cursor;
    const keys = {
      "+": () => around(middle, 0.5),
      "=": () => around(middle, 0.5),
      "-": () => around(middle, 2),
      0: () => chart.zoom(chart.whole),
      Escape: () => chart.zoom(chart.whole),
      l: () => chart.setLog(!chart.isLog),
      ArrowLeft: () => step(-1),
      ArrowRight: () => step(1),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  function step(direction) {
    const [from, to] = chart.view;
    const at = chart.cursor === null ? (from + to) / 2 : chart.cursor;
    chart.point(at + (direction * (to - from)) / 50);
  }
  plot.addEventListener("blur", () => chart.point(null));
}
