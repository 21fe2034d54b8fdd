"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const of = (id) => document.getElementById(id);
const stops = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const TOP = 250, NOTHING = 255;
let measure = 0, at = null;

const colour = (step) => {
  if (step === NOTHING) return [128, 128, 128];
  const x = Math.min(step, TOP) / TOP * (stops.length - 1), i = Math.min(Math.floor(x), stops.length - 2);
  return stops[i].map((from, k) => from + (stops[i + 1][k] - from) * (x - i));
};
const columns = () => {
  const bytes = Uint8Array.from(atob(data.measures[measure].strips), (c) => c.charCodeAt(0));
  const found = data.layers.map((_, i) => bytes.slice(i * data.rows, (i + 1) * data.rows));
  return of("sorted").checked ? found.map((column) => column.sort()) : found;
};
const draw = () => {
  const canvas = of("strips"), shown = columns();
  canvas.width = shown.length;
  canvas.height = data.rows;
  const image = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
  shown.forEach((column, x) => column.forEach((step, y) => {
    image.data.set([...colour(step), 255], 4 * ((data.rows - 1 - y) * canvas.width + x));
  }));
  canvas.getContext("2d").putImageData(image, 0, 0);
  tell(shown);
};
const tell = (shown) => {
  if (!at) return;
  const [x, y] = at, step = shown[x][y], { low, high, counts } = data.measures[measure];
  const value = step === NOTHING ? "no value" : step > TOP ? "above " + high.toPrecision(3)
    : "about " + (low + (high - low) * step / TOP).toPrecision(3);
  const many = counts[x] > data.rows, share = Math.floor(y * counts[x] / data.rows);
  const which = of("sorted").checked ? `${Math.round(100 * (y + .5) / data.rows)} % of the way from its lowest to its highest channel`
    : many ? `from channel ${share} on` : `channel ${share}`;
  of("at").textContent = `${data.layers[x]}, ${which}: ${value}`;
};

if (of("strips")) {
  of("measure").addEventListener("change", (event) => { measure = Number(event.target.value); draw(); });
  of("sorted").addEventListener("change", draw);
  of("strips").addEventListener("pointermove", (event) => {
    const box = event.target.getBoundingClientRect(), inside = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    at = [inside((event.clientX - box.left) / box.width, data.layers.length), inside(1 - (event.clientY - box.top) / box.height, data.rows)];
    tell(columns());
  });
  of("strips").addEventListener("keydown", (event) => {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] || [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    const [x, y] = at || [0, 0];
    at = [Math.min(Math.max(x + dx, 0), data.layers.length - 1), Math.min(Math.max(y + dy, 0), data.rows - 1)];
    tell(columns());
  });
  draw();
}
