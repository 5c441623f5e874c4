// Talk with the server: the CSRF token, JSON there and back, raw numbers.

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

/** Read what the server wrote for this page's scripts (json_script). */
export function pageFacts(id = "page-facts") {
  return JSON.parse(document.getElementById(id).textContent);
}

const KEPT_ALIVE = 30_000; // bytes; the limit is 64 KiB for all that are under way

/** Post JSON; never throws. `status` 0: no answer; 401: signed out meanwhile. */
export async function postJson(url, body) {
  const text = JSON.stringify(body);
  let response;
  try {
    response = await fetch(url, {
      method: "POST",
      redirect: "manual",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken() },
      body: text,
      // An act goes through although its page is left at once; browsers allow that for small bodies only.
      keepalive: text.length < KEPT_ALIVE,
    });
  } catch {
    return { ok: false, status: 0, data: { error: "The server does not answer." } };
  }
  return readAnswer(response);
}

/** Get JSON; never throws. */
export async function getJson(url) {
  try {
    return await readAnswer(await fetch(url, { redirect: "manual", headers: { Accept: "application/json" } }));
  } catch {
    return { ok: false, status: 0, data: { error: "The server does not answer." } };
  }
}

async function readAnswer(response) {
  if (response.type === "opaqueredirect") {
    return { ok: false, status: 401, data: { error: "You are signed out. Sign in again in another tab." } };
  }
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  const data = isJson ? await response.json().catch(() => null) : null;
  const fallback = { error: `The server answered ${response.status}.` };
  return { ok: response.ok && data !== null, status: response.status, data: data ?? fallback };
}

/** Fetch raw little-endian numbers into a typed array; throws with a sentence. */
export async function fetchArray(url, ArrayType, options = {}) {
  const headers = { "X-CSRFToken": csrfToken() };
  const response = await fetch(url, { redirect: "manual", headers, ...options });
  if (!response.ok) throw new Error(`The server answered ${response.status || "with the sign-in page"}.`);
  return new ArrayType(await response.arrayBuffer());
}

/** A random UUID; crypto.randomUUID is missing where a facility serves plain http. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Write a whole number as the server does: 48,210. */
export function count(number) {
  return String(number).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}
