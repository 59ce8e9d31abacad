"use strict";
// What a page can do beside being read: tables sort and download, figures download, everything prints.

const style = getComputedStyle(document.documentElement);

function download(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function button(text, label, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", press);
  return made;
}

function fileName(text) {
  return text.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").slice(0, 60);
}

// A cell's number, where it begins with one; what lacks comes last.
function value(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = Number.parseFloat(text.replace("\u2212", "-"));
  return /^[+\u2212-]?\d/.test(text) ? number : text === "\u2013" || text === "" ? null : text;
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function sortable(table) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const body = table.tBodies[0];
  if (body.rows.length < 2) return;
  heads.forEach((head, column) => {
    const text = head.textContent;
    if (!text.trim()) return;
    head.textContent = "";
    head.append(button(text, `Sort by ${text}`, () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].sort((one, other) => {
        const a = value(one, column), b = value(other, column);
        return a === null || b === null ? compare(a, b) : (down ? -1 : 1) * compare(a, b);
      });
      body.append(...rows);
    }));
  });
}

function csv(table) {
  const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const line = (cells) => [...cells].flatMap((cell) => [
    quoted(cell.textContent.trim()), ...Array(cell.colSpan - 1).fill(""),
  ]).join(",");
  return [...table.tHead.rows, ...table.tBodies[0].rows].map((row) => line(row.cells) + "\r\n").join("");
}

// Alone, a figure has no page to take its colours and its font from.
function standalone(svg) {
  const copy = svg.cloneNode(true);
  const [x, y, width, height] = copy.getAttribute("viewBox").split(" ");
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.setAttribute("font-family", "sans-serif");
  copy.insertAdjacentHTML("afterbegin",
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="var(--paper)"/>`);
  return new XMLSerializer().serializeToString(copy)
    .replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
}

for (const table of document.querySelectorAll(".scroll table")) {
  sortable(table);
  const caption = table.caption.textContent;
  const below = table.parentElement.nextElementSibling;
  below.append(button("as shown (CSV)", `Download the table "${caption}" as CSV`,
    () => download(`${fileName(caption)}.csv`, "text/csv", csv(table))));
}

for (const figure of document.querySelectorAll(".plots figure")) {
  const caption = figure.querySelector("figcaption"), svg = figure.querySelector("svg");
  if (!svg) continue;
  const title = caption.textContent;
  caption.append(button("SVG", `Download the figure "${title}" as SVG`,
    () => download(`${fileName(title)}.svg`, "image/svg+xml", standalone(svg))));
}

// What is folded prints unfolded.
const opened = [];
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details:not([open])")) {
    details.open = true;
    opened.push(details);
  }
});
addEventListener("afterprint", () => { while (opened.length) opened.pop().open = false; });
