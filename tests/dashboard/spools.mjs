// spools.mjs - spools with something to see in them, made without running a job.
import { execFileSync } from "node:child_process";
import fs from "node:fs";

export const takeup = (...args) => execFileSync(process.env.TAKEUP, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const iso = ms => new Date(ms).toISOString();
const write = (path, value) => fs.writeFileSync(path, typeof value === "string" ? value : JSON.stringify(value));

// A job's directory, whose time is that at which it ended.
function ended(spool, place, name, agoS, record) {
  const dir = `${spool}/${place}/${name}`, at = Date.now() - agoS * 1000;
  fs.mkdirSync(dir);
  write(`${dir}/result.json`, { name, status: place, attempts: 1, error: null, ...record });
  fs.utimesSync(dir, at / 1000, at / 1000);
}
function done(spool, name, agoS, pipeline, tookS) {
  const at = Date.now() - agoS * 1000;
  ended(spool, "done", name, agoS, { pipeline: { id: pipeline }, times: { started: iso(at - tookS * 1000), finished: iso(at) } });
}
const failed = (spool, name, agoS, pipeline, error) => ended(spool, "error", name, agoS, { pipeline: { id: pipeline }, attempts: 3, error });
const pending = (spool, lane, name, pipeline) => write(`${spool}/pending/${lane}${name}.json`, { input_path: "media/a.mp4", pipeline_id: pipeline });
function running(spool, worker, number, name, pipeline) {
  const dir = `${spool}/running/${worker}/000000000000000${number}`;
  fs.mkdirSync(dir, { recursive: true });
  write(`${dir}/${name}.job`, { input_path: "media/a.mp4", pipeline_id: pipeline });
}
// The beat of a worker on a host whose processes nobody can look at from here.
function beat(spool, worker, host, state, jobs, more) {
  write(`${spool}/heartbeat/${worker}.json`, { worker, host, pid: 812, boot_id: host, pid_ns: "1", spool, state, reason: "", beat: iso(Date.now()),
    started: iso(Date.now() - 9e7), beat_count: 7, jobs, pending: 0, done: 412, error: 3, problems: [], ...more });
}
// As if each had beaten now.
export function beatAgain(spool) {
  for (const name of fs.readdirSync(`${spool}/heartbeat`)) fs.utimesSync(`${spool}/heartbeat/${name}`, new Date(), new Date());
}

function make(dir) { takeup("init", dir); return dir; }

export function busy(dir) {
  const spool = make(dir);
  for (let i = 0; i < 260; i++) {
    const agoS = (i * i % 320) * 3600 + i * 7 % 3600;
    done(spool, `lecture-${String(261 - i).padStart(3, "0")}`, agoS, i % 3 ? "ocr_only" : "slides", 40 + i % 9 * 31);
  }
  for (const i of [1, 2, 3, 5, 8, 13, 40])
    failed(spool, `camera-${i}`, i * 4100, "ocr_only", { class: "input", step: null, message: `'media/camera-${i}.mp4' is no video that can be decoded: moov atom not found`, hint: "see that the upload was finished; ffprobe tells more" });
  failed(spool, "evening news 2026-11-29", 1500, "subtitles", { class: "stall", step: "ocr", message: "no progress for 300 s at 00:41:12, in a frame of 3840 x 2160 with 412 lines of text; so it was in the two attempts before, at 00:41:12 both times, and so it will be again until the step is given less to read or more time", hint: "read less of the picture (regions), or allow more time (stall_s); its attempts: takeup status 'evening news 2026-11-29'" });
  failed(spool, "Übersicht – Q3", 700, "slides", { class: "missing", step: "ocr", message: "the language 'deu' is not installed", hint: "apt-get install tesseract-ocr-deu, then: takeup retry 'Übersicht – Q3'" });
  for (let i = 0; i < 240; i++) pending(spool, "", `archive-1998-${String(i).padStart(4, "0")}`, "ocr_only");
  for (let i = 0; i < 12; i++) pending(spool, "low/", `rescan-${i}`, "slides");
  pending(spool, "high/", "press-conference", "subtitles");
  for (const id of ["ocr_only", "slides"]) { fs.mkdirSync(`${spool}/inbox/${id}`, { recursive: true }); write(`${spool}/inbox/${id}/talk.mp4`, "V"); }
  write(`${spool}/pending/holiday.mp4`, "V");
  fs.symlinkSync("/nowhere", `${spool}/pending/link.json`);
  fs.mkdirSync(`${spool}/deferred/retry-me@4000000000@00112233445566aa`);
  write(`${spool}/deferred/retry-me@4000000000@00112233445566aa/retry-me.job`, { input_path: "media/a.mp4", pipeline_id: "slides" });
  running(spool, "alpha.812.3f9a", 1, "board meeting 2026-11-28", "ocr_only");
  running(spool, "alpha.812.3f9a", 2, "lecture-262", "slides");
  running(spool, "beta.77.11aa", 3, "20261130T090000.000Z-phone-clip-3f9a2c07", "subtitles");
  running(spool, "gone.5.0000", 4, "orphaned-clip", "ocr_only");
  beat(spool, "alpha.812.3f9a", "alpha", "busy", [{ name: "board meeting 2026-11-28", pipeline: "ocr_only", step: "text", progress: 0.62, eta_s: 141 }, { name: "lecture-262", pipeline: "slides", step: "frames", progress: 0.08, eta_s: 2711 }]);
  beat(spool, "beta.77.11aa", "beta", "busy", [{ name: "20261130T090000.000Z-phone-clip-3f9a2c07", pipeline: "subtitles", step: "frames", progress: -1, eta_s: -1 }]);
  beat(spool, "gamma.9.aaaa", "gamma", "idle", [], { beat: iso(Date.now() - 3 * 3600 * 1000) }); // whose clock is slow
  return spool;
}

export const evil = {
  script: "<script>document.ran=1<\u002fscript>".replaceAll("/", "\u2215"), // a name of a file has no slash
  image: "<img src=x onerror=document.ran=2>",
  quotes: "\"'`onmouseover=document.ran=3 &lt;b&gt;",
  comment: "<!--<script>",
  bidi: "invoice\u202egpj.exe\u2066\u200f",
  ansi: "red \u001b[31m\u0007 \u009b2J",
  lines: "two\u2028lines\nand more",
  proto: "__proto__",
};
const text = "</script><script>document.ran=9</script><img src=x onerror=document.ran=8> \u202e\u001b[31m ";

export function hostile(dir) {
  const spool = make(dir), names = [...Object.values(evil), "x".repeat(240), "長".repeat(75)];
  names.forEach((name, i) => {
    if (Buffer.byteLength(name) <= 200) pending(spool, "", name, text);
    if (Buffer.byteLength(name) <= 200) running(spool, "evil.1.1", i, name, text);
    failed(spool, name, i + 1, text, { class: text, step: text, message: text + "m".repeat(3000), hint: text + "h ".repeat(900) });
    done(spool, name, i + 1, text, 1e9);
  });
  write(`${spool}/pending/${evil.image}`, "no job");
  beat(spool, "evil.1.1", text + "h".repeat(200), "busy", names.map(name => ({ name, pipeline: text, step: "s".repeat(500), progress: 7, eta_s: 1e15 })), { reason: text, done: 1e15 });
  beat(spool, "evil.2.2", "h", text, "no list", { pid: "p", reason: text, problems: [{ path: text, reason: text }] });
  return spool;
}

export function dead(dir) {
  const spool = make(dir);
  for (let i = 0; i < 3; i++) pending(spool, "", `waits-${i}`, "ocr_only");
  return spool;
}
export function pausedSpool(dir) {
  const spool = make(dir);
  beat(spool, "alpha.1.1", "alpha", "paused", [], { reason: "less than 256 MiB are free on the disk" });
  return spool;
}
