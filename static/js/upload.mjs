// Sends the upload form with a progress bar. Without this module the form works as it stands.

const form = document.querySelector("[data-upload]");

function part(name) {
  return form.querySelector(`[data-upload-${name}]`);
}

function fail(words) {
  part("state").hidden = true;
  part("stop").hidden = true;
  part("error").textContent = words;
  part("error").hidden = false;
  form.querySelector("button.btn-primary").disabled = false;
}

function words(loaded, total, seconds) {
  const rate = loaded / 1e6 / Math.max(seconds, 0.1);
  const left = (total - loaded) / 1e6 / Math.max(rate, 1e-6);
  return `${(loaded / 1e6).toFixed(0)} of ${(total / 1e6).toFixed(0)} MB, ${rate.toFixed(1)} MB/s, ${left.toFixed(0)} s left`;
}

function answer(request) {
  let reply = {};
  try {
    reply = JSON.parse(request.responseText);
  } catch {
    reply = {};
  }
  if (request.status === 200 && reply.url) {
    location.assign(reply.url);
  } else {
    fail(reply.error ?? `The server answered ${request.status}. Nothing was kept; try again.`);
  }
}

function send(event) {
  const file = form.querySelector("input[type=file]").files[0];
  if (!file) return;
  event.preventDefault();
  if (file.size > Number(form.dataset.limit)) {
    fail(`The file has ${(file.size / 1e9).toFixed(1)} GB, more than is taken here. Put it into an allowed folder.`);
    return;
  }
  const request = new XMLHttpRequest();
  const begun = performance.now();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    part("state").querySelector("progress").value = (100 * loaded) / total;
    part("words").textContent =
      loaded < total ? words(loaded, total, (performance.now() - begun) / 1000) : "The server checks the file";
  });
  request.addEventListener("load", () => answer(request));
  request.addEventListener("error", () => fail("The connection broke. Nothing was kept; try again."));
  request.addEventListener("abort", () => fail("Stopped. Nothing was kept."));
  part("stop").onclick = () => request.abort();
  part("stop").hidden = false;
  part("state").hidden = false;
  part("error").hidden = true;
  form.querySelector("button.btn-primary").disabled = true;
  request.send(new FormData(form));
}

form?.addEventListener("submit", send);
