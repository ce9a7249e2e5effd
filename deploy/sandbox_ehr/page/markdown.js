// The GitHub Flavored Markdown that cards use, as page elements: headings, paragraphs, lists, tables,
// quotations, code, rules, emphasis, links. Raw HTML is shown as the text it is.
// Syntax: https://github.github.com/gfm/

import { element, webAddress } from "./elements.js";

const HEADING = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/;
const BULLET = /^(\s*)(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const RULE = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const FENCE = /^ {0,3}(```+|~~~+)/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

/** A card's `detail` as a document fragment. */
export function rendered(markdown) {
  const fragment = document.createDocumentFragment();
  fragment.append(...blocks(String(markdown).replace(/\r\n?/g, "\n").split("\n")));
  return fragment;
}

function blocks(lines) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [node, next] = block(lines, at);
    found.push(node);
    at = next;
  }
  return found;
}

function block(lines, at) {
  const line = lines[at];
  const heading = HEADING.exec(line);
  if (heading) return [element(headingTag(heading[1].length), {}, inline(heading[2])), at + 1];
  if (FENCE.test(line)) return fenced(lines, at);
  if (RULE.test(line)) return [element("hr"), at + 1];
  if (QUOTE.test(line)) return quotation(lines, at);
  if (BULLET.test(line)) return list(lines, at);
  if (isTable(lines, at)) return table(lines, at);
  return paragraph(lines, at);
}

// A card sits under the page's own headings, so its headings start two levels lower.
function headingTag(level) {
  return `h${Math.min(level + 2, 6)}`;
}

function startsBlock(lines, at) {
  const line = lines[at];
  return (
    [HEADING, FENCE, RULE, QUOTE, BULLET].some((each) => each.test(line)) || isTable(lines, at)
  );
}

function paragraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) end += 1;
  return [element("p", {}, inline(lines.slice(at, end).map(trimmed).join("\n"))), end];
}

// Two spaces or a backslash at the end of a line ask for a line break, so they stay.
function trimmed(line) {
  const broken = / {2,}$/.test(line);
  return line.trim() + (broken ? "  " : "");
}

function fenced(lines, at) {
  const fence = FENCE.exec(lines[at])[1];
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(fence)) end += 1;
  const text = lines.slice(at + 1, end).join("\n");
  return [element("pre", {}, element("code", {}, text)), end + 1];
}

function quotation(lines, at) {
  let end = at;
  const inner = [];
  while (end < lines.length && QUOTE.test(lines[end])) inner.push(QUOTE.exec(lines[end++])[1]);
  return [element("blockquote", {}, blocks(inner)), end];
}

function list(lines, at) {
  const [, indent, , number] = BULLET.exec(lines[at]);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const found = BULLET.exec(lines[end]);
    if (found && found[1].length <= indent.length && Boolean(found[3]) === Boolean(number)) {
      items.push([found[4]]);
    } else if (found ? found[1].length > indent.length : /^\s{2,}\S/.test(lines[end])) {
      items.at(-1).push(lines[end].slice(indent.length + 2));
    } else break;
    end += 1;
  }
  const tag = number ? "ol" : "ul";
  const start = number && number !== "1" ? Number(number) : null;
  return [
    element(
      tag,
      { start },
      items.map((item) => element("li", {}, itemContent(item))),
    ),
    end,
  ];
}

function itemContent([first, ...rest]) {
  const nested = rest.findIndex((line) => BULLET.test(line));
  const text = nested < 0 ? rest : rest.slice(0, nested);
  const below = nested < 0 ? [] : blocks(rest.slice(nested));
  return [inline([first, ...text.map((line) => line.trim())].join("\n")), below];
}

function isTable(lines, at) {
  return (
    lines[at].includes("|") &&
    at + 1 < lines.length &&
    lines[at + 1].includes("-") &&
    TABLE_RULE.test(lines[at + 1]) &&
    cells(lines[at]).length === cells(lines[at + 1]).length
  );
}

function cells(line) {
  const inside = line
    .trim()
    .replace(/^\|/, "")
    .replace(/(?<!\\)\|$/, "");
  return inside.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/\\\|/g, "|"));
}

function table(lines, at) {
  const alignments = cells(lines[at + 1]).map((rule) =>
    rule.endsWith(":") ? (rule.startsWith(":") ? "center" : "right") : "left",
  );
  const row = (tag, line) =>
    element(
      "tr",
      {},
      alignments.map((alignment, column) =>
        element(
          tag,
          { class: `to-${alignment}`, scope: tag === "th" ? "col" : null },
          inline(cells(line)[column] ?? ""),
        ),
      ),
    );
  let end = at + 2;
  const body = [];
  while (end < lines.length && lines[end].trim() && !startsBlock(lines, end)) {
    body.push(row("td", lines[end++]));
  }
  const head = element("thead", {}, row("th", lines[at]));
  const whole = element("table", {}, head, body.length ? element("tbody", {}, body) : null);
  // Wide tables scroll inside their card; a keyboard must be able to do so too.
  return [
    element("div", { class: "table", tabindex: "0", role: "group", "aria-label": "Table" }, whole),
    end,
  ];
}

// Each rule: what it looks like, and what it becomes. The first match in the text wins.
const INLINE = [
  [/\\([!-/:-@[-`{-~])/, (found) => found[1]],
  [/(`+)([^`]|[^`][\s\S]*?[^`])\1(?!`)/, (found) => element("code", {}, found[2].trim())],
  [/\*\*(?=\S)([\s\S]*?\S)\*\*/, (found) => element("strong", {}, inline(found[1]))],
  [
    /(?<![\p{L}\p{N}])__(?=\S)([\s\S]*?\S)__(?![\p{L}\p{N}])/u,
    (found) => element("strong", {}, inline(found[1])),
  ],
  [/~~(?=\S)([\s\S]*?\S)~~/, (found) => element("del", {}, inline(found[1]))],
  [/\*(?=[^\s*])([\s\S]*?[^\s*])\*(?!\*)/, (found) => element("em", {}, inline(found[1]))],
  [
    /(?<![\p{L}\p{N}_])_(?=[^\s_])([\s\S]*?[^\s_])_(?![\p{L}\p{N}_])/u,
    (found) => element("em", {}, inline(found[1])),
  ],
  [
    /\[((?:[^[\]\\]|\\.)*)\]\(\s*<?([^\s<>()]+)>?(?:\s+"[^"]*")?\s*\)/,
    (found) => link(found[2], inline(found[1]), found[0]),
  ],
  [/<(https?:\/\/[^\s<>]+)>/, (found) => link(found[1], [found[1]], found[0])],
  [
    /&(amp|lt|gt|quot|nbsp|#39);/,
    (found) => ({ amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", "#39": "'" })[found[1]],
  ],
  [/(?: {2,}|\\)\n/, () => element("br")],
];

function inline(text) {
  const nodes = [];
  let rest = text;
  while (rest) {
    const first = firstMatch(rest);
    if (!first) break;
    const [found, build] = first;
    nodes.push(rest.slice(0, found.index), build(found));
    rest = rest.slice(found.index + found[0].length);
  }
  return [...nodes, rest];
}

function firstMatch(text) {
  let best = null;
  for (const [pattern, build] of INLINE) {
    const found = pattern.exec(text);
    if (found && (!best || found.index < best[0].index)) best = [found, build];
  }
  return best;
}

function link(target, words, asWritten) {
  const url = webAddress(target);
  if (!url) return asWritten;
  return element("a", { href: url.href, target: "_blank", rel: "noopener noreferrer" }, words);
}
