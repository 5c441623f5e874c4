// Labels on their way: kept in the browser's store until the server has said that it has them.
//
// Each act has an id made here, and the server takes an id once; so sending again is always safe, also from
// two tabs that share the store, or after an answer that got lost.

import { postJson } from "./api.mjs";

const LONGEST_WAIT_MS = 15000;
// What will not be taken however often it is sent; anything else may pass.
const FINAL = new Set([400]);

export class Outbox {
  /** `onChange(n, problem)` hears of what is unsent; `onAnswer(act, answer)` of each act that has ended. */
  constructor(key, { onChange, onAnswer }) {
    Object.assign(this, { key, onChange, onAnswer });
    this.waitMs = 0;
    this.problem = "";
    this.memory = [];
    window.addEventListener("online", () => this.kick());
    window.addEventListener("storage", (event) => event.key === key && this.tell());
    window.addEventListener("beforeunload", (event) => {
      if (this.read().length && !this.isStored) event.preventDefault();
    });
    this.tell();
    this.kick();
  }

  read() {
    try {
      this.isStored = true;
      return JSON.parse(localStorage.getItem(this.key)) ?? [];
    } catch {
      this.isStored = false; // no store: keep them in this page, which then asks before it is left
      return this.memory;
    }
  }

  write(acts) {
    this.memory = acts;
    try {
      localStorage.setItem(this.key, JSON.stringify(acts));
      this.isStored = true;
    } catch {
      this.isStored = false;
    }
    this.tell();
  }

  tell() {
    this.onChange(this.read().length, this.problem);
  }

  /** Take over an act: `{url, body}`, where `body.client_id` names it. */
  add(act) {
    this.write([...this.read(), act]);
    this.kick();
  }

  kick() {
    clearTimeout(this.timer);
    this.waitMs = 0;
    if (!this.isSending) this.send();
  }

  async send() {
    this.isSending = true;
    let act = this.read()[0];
    while (act) {
      const answer = await postJson(act.url, act.body);
      if (!answer.ok && !FINAL.has(answer.status)) {
        this.later(answer);
        return;
      }
      this.problem = answer.ok ? "" : answer.data.error;
      const { client_id: id } = act.body;
      this.write(this.read().filter((other) => other.body.client_id !== id));
      this.onAnswer(act, answer);
      act = this.read()[0];
    }
    this.isSending = false;
  }

  later(answer) {
    this.isSending = false;
    this.problem = answer.status === 403 ? "You may not label in this group." : answer.data.error;
    this.waitMs = Math.min(LONGEST_WAIT_MS, (this.waitMs || 500) * 2);
    this.timer = setTimeout(() => this.send(), this.waitMs);
    this.tell();
  }
}
