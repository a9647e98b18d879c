/* SPDX-License-Identifier: MIT */
/*
 * Contrast as WCAG 2 computes it, of every text that can be seen: run in the page. Returns the texts
 * that have less than they need.
 */
export function weakTexts() {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a)).concat(1);
  const ground = (node) => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const weak = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    const words = walk.currentNode.textContent.trim();
    const style = getComputedStyle(node);
    if (!words || ["SCRIPT", "STYLE"].includes(node.tagName) || node.closest(".unseen, .skip, .opened-word") ||
        !node.checkVisibility({ visibilityProperty: true }) || style.clipPath !== "none") continue;
    const under = ground(node);
    const colour = over(rgba(node instanceof SVGElement ? style.fill : style.color), under);
    const [bright, dark] = [light(colour), light(under)].sort((a, b) => b - a);
    const ratio = (bright + 0.05) / (dark + 0.05);
    const px = parseFloat(style.fontSize);
    const isLarge = px >= 24 || (px >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) weak.push(`${words.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return weak;
}
