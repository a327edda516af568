/* crier: what the page to try push messages on says beside the button. */
(async function () {
  "use strict";

  const place = new URL(".", document.currentScript.src).href;
  const find = (id) => document.getElementById(id);

  find("lines").textContent = `<script src="${place}client.js" defer></script>\n<crier-push></crier-push>`;
  find("worker").textContent = `importScripts("${place}sw.js");`;

  async function show(state) {
    const where = state === "on" && (await navigator.serviceWorker.getRegistration(place + "crier-push/"));
    const own = where && (await where.pushManager.getSubscription());
    find("address").hidden = !own;
    find("endpoint").value = own ? own.endpoint : "";
  }
  document.addEventListener("crier-push", (event) => show(event.detail.state));
  show(document.querySelector("crier-push").getAttribute("state")); // it may have come first

  const answer = await fetch(place + "key").catch(() => null);
  const about = answer && answer.ok ? await answer.json() : null;
  find("mode").textContent = !about ? "No channel here takes subscriptions of browsers at the moment."
    : about.mode === "test" ? `Channel ${about.channel}, in test mode: articles go to test members only.`
    : `Channel ${about.channel}, live: who turns alerts on here gets what all readers get.`;
})();
