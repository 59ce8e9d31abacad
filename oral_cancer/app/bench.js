"use strict";
// What the page does beside being read: it takes what is dropped, asks how far the work is, and lays heat over images.

const AT_A_TIME = 3; // uploads
const EVERY = 500; // ms between two questions for progress
const SIGN = 60000; // ms between two signs that the page is open
let uploading = null;

const find = (id) => document.getElementById(id);

function tell(line) {
  const place = find("line");
  place.textContent = line;
  place.hidden = !line;
}

// The page again, without losing the place in it.
async function again() {
  const focused = document.activeElement && document.activeElement.id;
  const answer = await fetch(location.href, { cache: "no-store" });
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(made.querySelector("main"));
  document.title = made.title;
  if (focused && find(focused)) find(focused).focus({ preventScroll: true });
  begin();
}

// With the keyboard one goes on from what has come, and not from the top, unless one is elsewhere already.
function focusOn(what) {
  if (what && document.activeElement === document.body) what.focus({ preventScroll: true });
}

function show(words, done, total) {
  const work = find("work");
  work.hidden = false;
  find("words").textContent = words;
  const bar = work.querySelector("progress");
  if (total) { bar.max = total; bar.value = done; } else bar.removeAttribute("value");
}

async function watch() {
  while (find("work") && !uploading) {
    let at;
    try {
      at = await (await fetch("/progress", { cache: "no-store" })).json();
    } catch {
      tell("The page has lost its program: it was stopped, or the connection is gone.");
      await new Promise((ready) => setTimeout(ready, 3000));
      continue;
    }
    tell("");
    if (at.state !== "waiting" && at.state !== "running") {
      await again();
      focusOn(find("result") || find("checked"));
      find("said").textContent = at.line || `${at.words || "Done."}`;
      return;
    }
    show(at.words, at.done, at.total);
    await new Promise((ready) => setTimeout(ready, EVERY));
  }
}

// Files below what was dropped, each with its path.
async function below(entry, path) {
  if (entry.isFile) {
    const file = await new Promise((ready, failed) => entry.file(ready, failed));
    return [[path + entry.name, file]];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((ready, failed) => reader.readEntries(ready, failed));
    if (!some.length) return found;
    for (const one of some) found.push(...await below(one, `${path}${entry.name}/`));
  }
}

const post = (address) => fetch(address, { method: "POST", redirect: "manual" });

async function send(name, file, suffixes, signal) {
  const read = suffixes.some((suffix) => name.toLowerCase().endsWith(suffix));
  const body = read ? file : ""; // of other files the name is enough
  const answer = await fetch(`/images?name=${encodeURIComponent(name)}`, { method: "PUT", body, signal });
  if (!answer.ok) throw new Error(await answer.text());
}

async function upload(files) {
  if (uploading || !files.length) return;
  uploading = new AbortController();
  const suffixes = find("drop").dataset.suffixes.split(" ");
  const waiting = [...files];
  let sent = 0;
  tell("");
  const one = async () => {
    while (waiting.length) {
      await send(...waiting.shift(), suffixes, uploading.signal);
      show(`${++sent} of ${files.length} files read`, sent, files.length);
    }
  };
  try {
    await post("/clear");
    show(`0 of ${files.length} files read`, 0, files.length);
    await Promise.all(Array.from({ length: AT_A_TIME }, one));
    await post("/check");
  } catch (fault) {
    uploading.abort();
    await post("/clear");
    uploading = null;
    await again();
    tell(fault.name === "AbortError" ? "Cancelled." : fault.message);
    return;
  }
  uploading = null;
  await again();
}

async function dropped(event) {
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const files = [];
  try {
    for (const entry of entries) files.push(...await below(entry, ""));
  } catch (fault) {
    tell(`What was dropped cannot be read: ${fault.message}`);
    return;
  }
  if (!files.length) tell("No file was in what was dropped.");
  upload(files);
}

function takeFiles() {
  const drop = find("drop");
  if (!drop) return;
  for (const button of drop.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => find(button.dataset.opens).click());
  }
  for (const input of drop.querySelectorAll("input")) {
    input.addEventListener("change", () => {
      upload([...input.files].map((file) => [file.webkitRelativePath || file.name, file]));
    });
  }
  find("cancel").addEventListener("click", (event) => {
    if (!uploading) return;
    event.preventDefault();
    uploading.abort();
  });
}

function layHeat() {
  const slider = find("opacity");
  if (!slider) return;
  const lay = () => document.documentElement.style.setProperty("--heat", slider.value / 100);
  slider.addEventListener("input", lay);
  lay();
}

function begin() {
  takeFiles();
  layHeat();
  const work = find("work");
  if (work && ["waiting", "running"].includes(work.dataset.state)) watch();
  const studies = document.querySelector("[data-again=yes]");
  if (studies) setTimeout(again, 5000);
}

// Anywhere on the page, so that a folder that misses the box does not replace the page.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    const drop = find("drop");
    if (!drop) return;
    drop.classList.toggle("over", kind === "dragover");
    if (kind === "drop") dropped(event);
  });
}
window.addEventListener("beforeunload", (event) => { if (uploading) event.preventDefault(); }); // it would be cut short
document.addEventListener("dragleave", () => find("drop")?.classList.remove("over"));
setInterval(() => fetch("/progress").catch(() => {}), SIGN);
begin();
