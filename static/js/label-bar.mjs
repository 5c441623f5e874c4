// Label many frames at once: the bar with the classes, the words of what is meant, the confirmation, the undo toast.

import { count, newId, postJson } from "./api.mjs";
import { Outbox } from "./outbox.mjs";

const CONFIRM_ABOVE = 50;

export class LabelBar {
  /** `host` holds the fragment of the label app, once htmx has brought it. */
  constructor(host, { onLabelled } = {}) {
    this.host = host;
    this.onLabelled = onLabelled;
    this.target = null;
    this.chosen = new Set();
    this.sent = new Map(); // what this page has sent, in words, until the answer is there
    this.dialog = document.getElementById("confirm-labels");
    this.toast = document.getElementById("undo-toast");
    host.addEventListener("htmx:afterSwap", () => this.prepare());
    this.toast.querySelector("[data-undo]").addEventListener("click", () => this.undo());
    this.toast.querySelector("[data-dismiss]").addEventListener("click", () => (this.toast.hidden = true));
  }

  get bar() {
    return this.host.querySelector("[data-apply-url]");
  }

  /** The classes as the fragment lists them: name and colour by place. */
  get classes() {
    return [...this.host.querySelectorAll("[data-class]")].map((button) => ({
      name: button.dataset.class,
      colour: button.dataset.colour,
    }));
  }

  prepare() {
    if (!this.bar) return;
    this.operation = this.bar.querySelector("[name=operation]");
    this.button = this.bar.querySelector("#apply-labels");
    for (const chip of this.bar.querySelectorAll("button[data-class]")) {
      chip.querySelector(".swatch").style.backgroundColor = chip.dataset.colour;
      chip.setAttribute("aria-pressed", String(this.chosen.has(chip.dataset.class)));
      chip.addEventListener("click", () => this.toggle(chip));
    }
    this.operation.addEventListener("change", () => this.write());
    this.button.addEventListener("click", () => this.ask());
    const { user, dataset } = this.bar.dataset;
    // The store of the Label page: what was kept on one of them is sent from either.
    this.outbox ??= new Outbox(`fringe-outbox-${user}-${dataset}`, {
      onChange: (n, problem) => this.onUnsent(n, problem),
      onAnswer: (act, answer) => this.onAnswer(act, answer),
    });
    this.write();
  }

  toggle(chip) {
    const isOn = !this.chosen.delete(chip.dataset.class);
    if (isOn) this.chosen.add(chip.dataset.class);
    const excluded = isOn ? (JSON.parse(this.bar.dataset.excluded)[chip.dataset.class] ?? []) : [];
    const driven = excluded.filter((name) => this.chosen.delete(name));
    this.bar.querySelector("[data-driven]").textContent = driven.length ? `${driven.join(", ")} let go, as it is excluded` : "";
    for (const each of this.bar.querySelectorAll("button[data-class]")) {
      each.setAttribute("aria-pressed", String(this.chosen.has(each.dataset.class)));
    }
    this.write();
  }

  /** Say which frames are meant: `{scope, n, words}`, or null. */
  aim(target) {
    this.target = target;
    this.write();
  }

  /** Write on the button exactly what it does. */
  write() {
    if (!this.bar) return;
    const { operation, chosen, target } = this;
    const names = [...chosen].join(" and ");
    const isReady = target && target.n > 0 && (operation.value === "clear" || operation.value === "set" || chosen.size);
    const words = target ? `${count(target.n)} ${target.n === 1 ? "frame" : "frames"} ${target.words}`.trim() : "";
    const sentence = {
      add: `Apply ${names} to ${words}`,
      set: `Set ${words} to ${chosen.size ? `exactly ${names}` : "“none applies”"}`,
      remove: `Take ${names} from ${words}`,
      clear: `Make ${words} unlabelled`,
    }[operation.value];
    this.sentence = sentence;
    this.button.disabled = !isReady;
    this.button.textContent = isReady ? sentence : target ? "Choose a class" : "Choose frames: a cluster, an area, or thumbnails";
  }

  ask() {
    if (this.target.n <= CONFIRM_ABOVE) {
      this.apply();
      return;
    }
    this.dialog.querySelector("[data-sentence]").textContent = `${this.sentence}?`;
    this.dialog.querySelector("[data-yes]").textContent = this.sentence;
    this.dialog.returnValue = "";
    this.dialog.onclose = () => this.dialog.returnValue === "yes" && this.apply();
    this.dialog.showModal();
  }

  apply() {
    const act = { scope: this.target.scope, operation: this.operation.value, classes: [...this.chosen] };
    if (act.operation === "clear") act.classes = [];
    const id = newId();
    this.sent.set(id, this.sentence);
    this.button.disabled = true;
    this.outbox.add({ url: this.bar.dataset.applyUrl, body: { ...act, client_id: id }, words: `Not labelled: ${this.sentence}` });
  }

  onUnsent(n, problem) {
    if (!n || !problem) return;
    this.show(`${problem} ${n} unsent ${n === 1 ? "label is" : "labels are"} kept here and will be sent again.`, null);
    if (this.bar) this.write();
  }

  onAnswer({ body, words }, { ok, data }) {
    const sentence = this.sent.get(body.client_id);
    this.sent.delete(body.client_id);
    if (this.bar) this.write();
    if (!ok) this.show(sentence ? `Not labelled: ${data.error}` : `${words ?? "A label was not taken"}: ${data.error}`, null);
    else if (sentence) this.done(sentence, body.client_id, data);
    else this.writeCounts(data);
  }

  async undo() {
    const undoes = this.toast.dataset.event;
    this.undoId ??= newId();
    const { ok, data } = await postJson(this.bar.dataset.undoUrl, { undoes, client_id: this.undoId });
    if (!ok) {
      this.show(`Not undone: ${data.error}`, undoes);
      return;
    }
    this.undoId = null;
    this.writeCounts(data);
    this.show(`Undone: ${this.toast.dataset.sentence}`, null);
    this.onLabelled?.();
  }

  done(sentence, id, data) {
    this.writeCounts(data);
    this.toast.dataset.sentence = sentence;
    this.show(`Done: ${sentence}`, id);
    this.onLabelled?.();
  }

  writeCounts({ counts }) {
    if (!this.bar) return;
    for (const chip of this.bar.querySelectorAll("button[data-class]")) {
      chip.querySelector(".count").textContent = count(counts[chip.dataset.class] ?? 0);
    }
  }

  show(text, event) {
    this.toast.querySelector("[data-text]").textContent = text;
    this.toast.querySelector("[data-undo]").hidden = event === null;
    this.toast.dataset.event = event ?? "";
    this.toast.hidden = false;
  }
}
