const POLL = 2000, ANNOUNCE = 30000, WIDE = 120, HIGH = 28;
const at = id => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
let known = 0, run = null, announced = 0, doneBefore = "";

const write = (node, text) => { if (node.textContent !== text) node.textContent = text; };

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function spark(curve) {
  const cell = element("td");
  if (curve.length < 2) return cell;
  const xs = curve.map(point => point[0]), ys = curve.map(point => point[1]);
  const low = Math.min(...ys), high = Math.max(...ys), from = xs[0], to = xs[xs.length - 1];
  const svg = document.createElementNS(SVG, "svg"), line = document.createElementNS(SVG, "polyline");
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  svg.setAttribute("class", "spark");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `from ${ys[0].toFixed(3)} to ${ys[ys.length - 1].toFixed(3)}`);
  line.setAttribute("points", curve.map(([x, y]) => {
    const right = (x - from) / (to - from || 1), down = (high - y) / (high - low || 1);
    return `${(1 + right * (WIDE - 2)).toFixed(1)},${(2 + down * (HIGH - 4)).toFixed(1)}`;
  }).join(" "));
  svg.append(line);
  cell.append(svg);
  return cell;
}

function row(head, cells, curve) {
  const made = element("tr"), first = element("th", head);
  first.scope = "row";
  made.append(first, ...cells, spark(curve));
  return made;
}

function planes(found) {
  const parts = [];
  for (const plane of found) {
    const bar = element("progress");
    bar.max = plane.planned;
    bar.value = plane.done;
    bar.setAttribute("aria-label", plane.name);
    parts.push(element("span", plane.name), bar, element("span", plane.words));
  }
  at("planes").replaceChildren(...parts);
}

function announce(found) {
  const done = found.planes.filter(plane => plane.done >= plane.planned).map(plane => plane.name).join(", ");
  const now = Date.now();
  if (found.going && done === doneBefore && now - announced < ANNOUNCE) return;
  doneBefore = done;
  announced = now;
  const far = found.planes.filter(plane => plane.done < plane.planned)
    .map(plane => `${plane.name} ${Math.floor(100 * plane.done / plane.planned)} %`);
  write(at("announced"), found.going ? [...far, found.left].filter(Boolean).join(", ") : "");
}

function show(found) {
  if ((run !== null && run !== found.run) || (found.finished && found.report)) {
    location.reload();
    return;
  }
  run = found.run;
  write(at("told"), found.told);
  write(at("said"), found.said);
  write(at("pace"), [found.rate, found.passed, found.left].filter(Boolean).join(", "));
  planes(found.planes);
  const steps = found.under_way.map(one => row(one.where, [
    element("td", one.title), element("td", one.far, "number"), element("td", one.loss, "number"),
    element("td", one.rate, "number"),
  ], one.curve));
  if (found.more) steps.push(row("", [element("td", `and ${found.more} more`)], []));
  at("steps").replaceChildren(...steps);
  for (const one of found.trained) {
    const loss = element("td", one.loss, "number");
    loss.dataset.value = one.loss;
    at("states").prepend(row(one.title, [loss], one.curve));
  }
  known += found.trained.length;
  at("warned").replaceChildren(...found.warned.map(text => element("li", text)));
  at("warned-section").hidden = !found.warned.length;
  announce(found);
  return known < found.trained_in_all;
}

async function look() {
  let more = false;
  try {
    const answer = await fetch(`/progress.json?after=${known}`);
    if (!answer.ok) throw new Error(answer.statusText);
    more = show(await answer.json());
  } catch {
    const problem = "No answer from assay serve; it may have ended. The run itself goes on without it.";
    write(at("told"), problem);
    write(at("announced"), problem);
    announced = 0;
  }
  setTimeout(look, more ? 0 : POLL);
}

look();
