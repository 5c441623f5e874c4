// One file on its way by tus: goes on by itself after a broken connection, and can be paused.

import { csrfToken } from "./api.mjs";

const MiB = 2 ** 20;
const CHUNK_BYTES = 16 * MiB;
const WHOLE_BYTES = 64 * MiB; // up to here the whole file is hashed, too; more would have to be held in memory
const RETRY_MS = [0, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 60_000, 60_000];
const RATE_MS = 5000;

async function sha256(blob) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
}

const toHex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fingerprintOf = ({ file, path }) => ["fringe", path, file.size, file.lastModified].join("-");

/** Sends each chunk with its SHA-256, where the browser has one: not on a page of plain http. */
class CheckedStack {
  constructor() {
    this.inner = new tus.DefaultHttpStack({});
  }

  createRequest(method, url) {
    const request = this.inner.createRequest(method, url);
    request.setHeader("X-CSRFToken", csrfToken());
    if (method === "PATCH" && globalThis.crypto?.subtle) addChecksum(request);
    return request;
  }

  getName() {
    return "CheckedStack";
  }
}

function addChecksum(request) {
  const [send, abort] = [request.send.bind(request), request.abort.bind(request)];
  let isStopped = false;
  request.abort = () => {
    isStopped = true;
    return abort();
  };
  request.send = async (body) => {
    if (body) request.setHeader("Upload-Checksum", `sha256 ${toBase64(await sha256(body))}`);
    if (isStopped) throw new Error("stopped");
    return send(body);
  };
}

/** Return what this browser remembers of an earlier attempt at the same file, or undefined. */
export async function earlierAttempt(item) {
  const upload = new tus.Upload(item.file, { fingerprint: async () => fingerprintOf(item), endpoint: "-" });
  return (await upload.findPreviousUploads()).filter((previous) => previous.metadata?.set).at(-1);
}

export class Transfer {
  /** `onChange` is called whenever `state`, `words` or `sent` are other than before. */
  constructor(item, { endpoint, metadata, earlier, onChange }) {
    Object.assign(this, { item, endpoint, earlier, onChange, metadata: { ...metadata, filename: item.path } });
    this.state = "waiting";
    this.words = "waits for its turn";
    this.sent = 0;
    this.accepted = 0; // of what was sent: only this is still there when the connection ends
    this.samples = [];
    this.upload = null;
  }

  async start() {
    this.#become("running", this.upload || this.earlier ? "asks how far it is" : "begins");
    this.samples = [];
    this.upload ??= await this.#prepare();
    if (this.state === "running") this.upload.start();
  }

  pause() {
    this.sent = this.accepted;
    this.#become("paused", `paused at ${this.#amount()}`);
    return this.upload?.abort();
  }

  /** Stop, and have the server delete what arrived. */
  async cancel() {
    this.#become("cancelled", "cancelled");
    await this.upload?.abort(Boolean(this.upload.url)).catch(() => {});
    await this.forget();
  }

  /** Remember no longer where this file went. */
  async forget() {
    const storage = this.upload?.options.urlStorage;
    for (const known of (await this.upload?.findPreviousUploads()) ?? []) {
      await storage.removeUpload(known.urlStorageKey);
    }
  }

  async #prepare() {
    const { file } = this.item;
    if (!this.earlier && file.size <= WHOLE_BYTES && globalThis.crypto?.subtle) {
      this.metadata.sha256 = toHex(await sha256(file));
    }
    const upload = new tus.Upload(file, {
      endpoint: this.endpoint,
      metadata: this.metadata,
      chunkSize: CHUNK_BYTES,
      retryDelays: RETRY_MS,
      fingerprint: async () => fingerprintOf(this.item),
      httpStack: new CheckedStack(),
      onShouldRetry: (error, attempt) => this.#retries(error, attempt),
      onProgress: (sent) => this.#progress(sent),
      onAfterResponse: (_, response) => this.#accept(response.getHeader("Upload-Offset")),
      onError: (error) => this.#fail(error),
      onSuccess: () => this.#become("done", "arrived"),
      // With an endpoint at hand, tus would begin anew whenever the server stumbles over the first question.
      onUploadUrlAvailable: () => (upload.options.endpoint = null),
    });
    if (this.earlier) {
      upload.resumeFromPreviousUpload(this.earlier);
      upload.options.endpoint = null;
    }
    return upload;
  }

  #retries(error, attempt) {
    const status = error.originalResponse?.getStatus() ?? 0;
    const isPassing = [0, 409, 423, 460].includes(status) || (status >= 500 && status !== 507);
    if (isPassing && this.state === "running") {
      const wait = RETRY_MS[attempt] / 1000;
      this.sent = this.accepted;
      const cause = status === 460 ? "A part was damaged on its way" : "The connection is lost";
      this.#become("running", `${cause}; ${wait ? `the next try is in ${wait} s` : "trying again"}`);
    }
    return isPassing;
  }

  /** Every answer that names an offset counts: that to a chunk, and that to the question how far it is. */
  #accept(offset) {
    if (offset) this.accepted = Number(offset);
  }

  #progress(sent) {
    if (this.state !== "running") return; // a last word of a request that was stopped
    const now = performance.now();
    this.sent = sent;
    this.samples = [...this.samples.filter(([time]) => now - time < RATE_MS), [now, sent]];
    const [time, first] = this.samples[0];
    const rate = ((sent - first) / Math.max(now - time, 1)) * 1000;
    const left = rate > 0 ? `, ${megabytes(rate)}/s, ${duration((this.item.file.size - sent) / rate)} left` : "";
    this.#become("running", this.#amount() + left);
  }

  #amount() {
    return `${megabytes(this.sent)} of ${megabytes(this.item.file.size)}`;
  }

  #fail(error) {
    const response = error.originalResponse;
    const status = response?.getStatus() ?? 0;
    if (this.state !== "running") return;
    this.sent = this.accepted;
    if (this.earlier && [404, 410].includes(status)) {
      this.#beginAnew();
    } else if (response) {
      const type = response.getHeader("Content-Type") ?? "";
      const said = type.startsWith("text/plain") ? response.getBody() : "";
      this.#become("failed", said || `The server answered ${status}. What arrived is kept: press Resume to go on.`);
    } else if (error.originalRequest) {
      this.#become("failed", "The server cannot be reached. What arrived is kept: press Resume when it is back.");
    } else {
      this.#become("failed", "The file cannot be read. Has it moved or changed? Choose it again.");
    }
  }

  /** The server has forgotten the earlier attempt, or nobody went on with it for too long. */
  async #beginAnew() {
    await this.forget();
    Object.assign(this, { earlier: undefined, upload: null, sent: 0, accepted: 0 });
    this.start();
  }

  #become(state, words) {
    Object.assign(this, { state, words });
    this.onChange(this);
  }
}

export function megabytes(bytes) {
  if (bytes < 1e5) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

function duration(seconds) {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
