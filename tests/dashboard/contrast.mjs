// contrast.mjs - run inside a page: which texts, and which drawn things, stand out too little (WCAG 2.1,
// 1.4.3 and 1.4.11). What lies behind is blended from the backgrounds of all that holds it.
export function findings() {
  const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const behind = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = colour => colour.slice(0, 3).map(n => (n /= 255) <= 0.03928 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4).reduce((sum, n, i) => sum + n * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => { const [high, low] = [light(a), light(b)].sort((x, y) => y - x); return (high + 0.05) / (low + 0.05); };
  const low = [];
  let texts = 0;
  const look = (node, colour, under, wanted, what) => {
    const got = ratio(over(parse(colour), under), under);
    if (got < wanted) low.push(`${what}: ${got.toFixed(2)} < ${wanted}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, style = getComputedStyle(node), text = walker.currentNode.data.trim();
    if (!text || !node.checkVisibility({ visibilityProperty: true }) || node.closest(".unseen, script, style, noscript")) continue;
    texts++;
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const wanted = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    look(node, node.namespaceURI.endsWith("svg") ? style.fill : style.color, behind(node), wanted, `'${text.slice(0, 30)}'`);
  }
  const field = document.querySelector("#q");
  look(field, getComputedStyle(field).borderTopColor, behind(field.parentElement), 3, "the border of the search");
  look(field, getComputedStyle(field, "::placeholder").color, behind(field), 4.5, "what stands in the search");
  for (const bar of document.querySelectorAll("#chart .done, #chart .error"))
    look(bar, getComputedStyle(bar).fill, behind(bar.ownerSVGElement.parentElement), 3, "a bar");
  for (const bar of document.querySelectorAll("progress[value]"))
    look(bar, getComputedStyle(document.documentElement).getPropertyValue("--bar").replace(/^#(..)(..)(..)$/, (all, r, g, b) => `rgb(${[r, g, b].map(x => parseInt(x, 16))})`), behind(bar.parentElement), 3, "a progress bar");
  return { low: [...new Set(low)], texts };
}
