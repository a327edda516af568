/* crier: what the page to try push messages on says beside the button. */
(async function () {
  "use strict";

  const place = new URL(".", document.currentScript.src).href;
  const find = (id) => document.getElementById(id);

  find("lines").textContent = `<script src="${place}client.js" defer></script>\n<crier-push></crier-push>`;
  find("worker").textContent = `importScripts("${place}sw.js");`;

  const about = fetch(place + "key").then((answer) => answer.json()).catch(() => ({}));

  async function show(state) {
    const where = state === "on" && (await navigator.serviceWorker.getRegistration(place + "crier-push/"));
    const own = where && (await where.pushManager.getSubscription());
    find("address").hidden = !own;
    find("command").textContent = own ? `crier members ${(await about).channel} set '${own.endpoint.replaceAll("'", "'\\''")}' --test yes` : "";
  }
  document.addEventListener("crier-push", (event) => show(event.detail.state));
  show(document.querySelector("crier-push").getAttribute("state")); // it may have come first

  const told = await about;
  find("mode").textContent = !told.key ? "No single channel here takes subscriptions of browsers at the moment."
    : told.mode === "test" ? `Channel ${told.channel}, in test mode: articles go to test members only.`
    : `Channel ${told.channel}, live: who turns alerts on here gets what all readers get.`;
})();
