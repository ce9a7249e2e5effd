// Drawing with uPlot (vendor/uplot, MIT): bands over time, charted dots, loops. Colours are the
// style sheet's, read anew for every drawing, so that dark and light are one place's choice.

const drawn = new Map();

/** Return a colour of the style sheet by name. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Return the same colour, let through in part. */
function faint(hex, share) {
  return hex + Math.round(255 * share).toString(16).padStart(2, "0");
}

function axis(label, size, values) {
  return {
    label, size, values,
    labelSize: label ? 16 : 0, labelGap: 2, labelFont: "12px system-ui, sans-serif",
    font: "12px system-ui, sans-serif", gap: 3,
    stroke: colour("soft"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1, size: 4 },
  };
}

/** Draw `options` and `data` into `place`, sized to it; what was drawn there before is replaced. */
function draw(place, height, options, data) {
  drawn.get(place)?.end();
  const width = () => Math.max(place.clientWidth, 160);
  const plot = new uPlot({ width: width(), height, legend: { show: false }, padding: [8, 22, 0, 0], ...options }, data, place);
  const watcher = new ResizeObserver(() => {
    if (width() !== plot.width) plot.setSize({ width: width(), height });
  });
  watcher.observe(place);
  drawn.set(place, { end: () => { watcher.disconnect(); plot.destroy(); } });
  return plot;
}

/** Forget everything that was drawn, as the page is about to be built anew. */
export function forgetAll() {
  for (const each of drawn.values()) each.end();
  drawn.clear();
}

function vertical(plot, at, stroke, dash = []) {
  const x = plot.valToPos(at, "x", true);
  const { left, top, width, height } = plot.bbox;
  if (x < left || x > left + width) return;
  line(plot.ctx, x, top, x, top + height, stroke, dash);
}

function horizontal(plot, at, stroke, dash = [6, 4]) {
  const y = plot.valToPos(at, "y", true);
  const { left, top, width, height } = plot.bbox;
  if (y < top || y > top + height) return;
  line(plot.ctx, left, y, left + width, y, stroke, dash);
}

function line(ctx, x1, y1, x2, y2, stroke, dash) {
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash(dash.map((each) => each * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x1, y1);
  ctx.lineTo(x2, y2);
  ctx.stroke();
  ctx.restore();
}

/** Return how far a time axis may be labelled: whole hours where it is long, else minutes. */
function minutesOrHours(plot, splits) {
  const hours = plot.scales.x.max - plot.scales.x.min > 180;
  return splits.map((at) => {
    if (at === 0) return "now";
    const sign = at < 0 ? "−" : "+";
    return hours ? `${sign}${Math.abs(at) / 60} h` : `${sign}${Math.abs(at)} min`;
  });
}

const TIME_STEPS = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440];

function timeAxis(labelled) {
  return { ...axis(labelled ? "time from now" : null, labelled ? 36 : 22, minutesOrHours), incrs: TIME_STEPS, space: 64 };
}

/**
 * Draw one quantity over time: rows are `{x, y, kind, colour, name}` with kind `dots`, `line` or
 * `dashes`, bands `{x, low, high, colour}`; minutes from now.
 */
export function overTime(place, { rows, bands = [], unit, from, to, limit = null, height = 150, sync = null, labelled = true }) {
  const tables = [...bands.map((band) => [band.x, band.low, band.high]), ...rows.map((row) => [row.x, row.y])];
  const data = uPlot.join(tables);
  const series = [{}];
  const filled = [];
  for (const band of bands) {
    const edge = { stroke: faint(band.colour, 0.45), width: 0.5, points: { show: false }, spanGaps: true };
    series.push(edge, edge);
    filled.push({ series: [series.length - 1, series.length - 2], fill: faint(band.colour, 0.14) });
  }
  for (const row of rows) {
    const dots = row.kind === "dots";
    series.push({
      label: row.name, stroke: row.colour, spanGaps: true,
      width: row.width ?? (dots ? 1 : 2), dash: row.kind === "dashes" ? [6, 4] : row.dash,
      points: { show: dots, size: row.size ?? 6, fill: row.colour, stroke: row.colour },
    });
  }
  const within = (plot, low, high) => {
    const ends = limit === null ? [low, high] : [Math.min(low, limit), Math.max(high, limit)];
    const room = Math.max((ends[1] - ends[0]) * 0.08, 1);
    return [Math.floor(ends[0] - room), Math.ceil(ends[1] + room)];
  };
  return draw(place, height, {
    series, bands: filled,
    scales: { x: { time: false, range: [from, to] }, y: { range: within } },
    axes: [timeAxis(labelled), { ...axis(unit, 52), incrs: [1, 2, 5, 10, 20, 25, 50, 100], space: 28 }],
    cursor: { sync: sync ? { key: sync } : undefined, drag: { x: false, y: false }, points: { show: false } },
    hooks: {
      drawClear: [(plot) => { if (from < 0) vertical(plot, 0, colour("soft")); if (limit !== null) horizontal(plot, limit, colour("soft")); }],
    },
  }, data);
}

/** Draw loops of volume and pressure: curves are `{x, y, colour, dash}`, each in its own order. */
export function loops(place, curves, { xLabel, yLabel, height = 240, xRange = null }) {
  const all = curves.flatMap((curve) => curve.x);
  const low = Math.min(...all), high = Math.max(...all);
  const path = (plot, place_) => {
    const curve = curves[place_ - 1];
    const stroke = new Path2D();
    curve.x.forEach((x, at) => {
      const to = [plot.valToPos(x, "x", true), plot.valToPos(curve.y[at], "y", true)];
      if (at) stroke.lineTo(...to); else stroke.moveTo(...to);
    });
    return { stroke, fill: null, clip: null, band: null, gaps: null, flags: 0 };
  };
  // uPlot wants one rising row of x; the true curves come through `paths`.
  const longest = Math.max(...curves.map((curve) => curve.x.length));
  const rising = Array.from({ length: longest }, (_, at) => low + ((high - low) * at) / Math.max(longest - 1, 1));
  const padded = curves.map((curve) => rising.map((_, at) => curve.y[Math.min(at, curve.y.length - 1)]));
  return draw(place, height, {
    series: [{}, ...curves.map((curve) => ({ stroke: curve.colour, width: curve.width ?? 2, dash: curve.dash, points: { show: false }, paths: path }))],
    scales: { x: { time: false, range: xRange ?? [Math.floor(low - 5), Math.ceil(high + 5)] }, y: { range: (_, least, most) => [Math.min(0, Math.floor(least)), Math.ceil(most * 1.06)] } },
    axes: [axis(xLabel, 36), axis(yLabel, 52)],
    cursor: { show: false },
  }, [rising, ...padded]);
}
