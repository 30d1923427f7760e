// Words as a browser lays them out: none out of the picture, out of the box they stand in, or over other words. Reads a page of pictures, each in a
// <div data-file="NAME">; the page's title becomes "out N of M", and a <pre> says which. A word's box is the smallest frame around its middle;
// of Graphviz' curves only rounded nodes and clusters are frames.
const said = [];
let words = 0;
function frames(picture, canvas) {
    return [...picture.querySelectorAll("rect, polygon, ellipse, .node path, .cluster path")].map(x => x.getBoundingClientRect())
        .filter(b => b.width > 12 && b.height > 10 && (b.width < canvas.width - 1 || b.height < canvas.height - 1));
}
for (const place of document.querySelectorAll("div[data-file]")) {
    const picture = place.querySelector("svg"), canvas = picture.getBoundingClientRect(), boxes = frames(picture, canvas);
    const texts = [...picture.querySelectorAll("text")].filter(t => t.textContent.trim()).map(t => ({ at: t.getBoundingClientRect(), is: t.textContent }));
    const say = (what, t) => said.push(place.dataset.file + ": " + what + ": " + t.is);
    words += texts.length;
    for (const t of texts) {
        const b = t.at, x = (b.left + b.right) / 2, y = (b.top + b.bottom) / 2;
        const around = boxes.filter(r => x > r.left && x < r.right && y > r.top && y < r.bottom).sort((p, q) => p.width * p.height - q.width * q.height)[0];
        if (b.right > canvas.right + 1 || b.left < canvas.left - 1 || b.bottom > canvas.bottom + 3) say("out of the picture", t);
        if (around && (b.left < around.left - 1 || b.right > around.right + 1)) say("out of its box", t);
    }
    texts.forEach((t, i) => texts.slice(i + 1).forEach(u => {
        const wide = Math.min(t.at.right, u.at.right) - Math.max(t.at.left, u.at.left), high = Math.min(t.at.bottom, u.at.bottom) - Math.max(t.at.top, u.at.top);
        if (wide > 3 && high > 0.45 * Math.min(t.at.height, u.at.height)) say("over " + u.is, t);
    }));
}
document.title = "out " + said.length + " of " + words;
document.body.appendChild(document.createElement("pre")).textContent = said.join("\n") + "\n";
