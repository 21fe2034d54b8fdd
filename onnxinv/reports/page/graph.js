const nodes = [...document.querySelectorAll(".graph .node")].map((node) => {
  const [title, dot, shown] = node.children;
  return { node, title, dot, shown, name: title.textContent.slice(0, title.textContent.lastIndexOf(":")) };
});
const means = nodes.length ? [...document.querySelectorAll("#layers tbody")].map((body) => [...body.querySelectorAll("[data-sort]")]) : [];
const paint = () => nodes.forEach(({ node, title, dot, shown, name }, place) => {
  const step = data.graph[measure][place], mean = means[measure][place], lacking = step === NOTHING;
  node.classList.toggle("lacking", lacking);
  title.textContent = `${name}: ${lacking ? "no value" : `${mean.textContent} ${mean.nextElementSibling.textContent}`.trim()}`;
  dot.setAttribute("fill", lacking ? "none" : `rgb(${colour(step).map(Math.round)})`);
  shown.textContent = mean.textContent;
});
if (nodes.length) of("measure").addEventListener("change", paint);
