/* crier: the worker that shows push messages. A site has it on its own origin, by a file of one line,
 * /crier-sw.js:
 *
 *     importScripts("https://push.news.example/push/sw.js");
 *
 * or, where crier answers below the site's own /push/, by no file at all. client.js registers it, for a scope that no
 * page lies in, so that it stands beside whatever worker the site has.
 *
 * It shows the messages of the declarative form (web_push: 8030), which Safari shows without a worker. Of one article
 * one message stands: a later revision takes the place of an earlier one, never the other way round, and a retraction
 * takes it off the screen. Whatever comes, something is shown, but where the browser permits silence: the others take
 * the permission away from those who show nothing. It counts nothing and keeps nothing. */
(function () {
  "use strict";

  // For what cannot be read: that there is something is all we know.
  const NEWS = {
    ar: "هناك أخبار جديدة. اضغط للقراءة.",
    de: "Es gibt Neues. Zum Lesen antippen.",
    en: "There is news. Tap to read it.",
    es: "Hay noticias. Toque para leerlas.",
    fr: "Il y a du nouveau. Touchez pour lire.",
    pt: "Há novidades. Toque para ler.",
  };
  const FLAGS = ["renotify", "requireInteraction", "silent"];
  const TEXTS = ["body", "lang", "tag", "icon", "image", "badge"];
  const CHANGE_TRIES = 5;

  const object = (v) => (v && typeof v === "object" ? v : {});
  const text = (v) => (typeof v === "string" && v !== "" ? v : undefined);
  const home = () => new URL("/", self.location.href).href;

  /* An address that a click may open. */
  function address(given) {
    try {
      const url = new URL(given, home());
      return url.protocol === "https:" || url.protocol === "http:" ? url.href : undefined;
    } catch (e) {
      return undefined;
    }
  }

  // ---- what came ----

  /* {title, options}, as showNotification() takes them; null when it is not a message. */
  function read(data) {
    let n;
    try {
      n = object(data.json().notification);
    } catch (e) {
      return null; // no data, no JSON, not an object
    }
    if (!text(n.title)) {
      return null;
    }
    const options = { data: Object.assign({}, object(n.data), { crier: { navigate: address(n.navigate) || home(), links: {} } }) };
    TEXTS.forEach((name) => text(n[name]) && (options[name] = n[name]));
    FLAGS.forEach((name) => typeof n[name] === "boolean" && (options[name] = n[name]));
    if (["auto", "ltr", "rtl"].includes(n.dir)) {
      options.dir = n.dir;
    }
    if (Number.isFinite(n.timestamp)) {
      options.timestamp = n.timestamp;
    }
    if (!options.tag) {
      delete options.renotify; // without a tag that is an error
    }
    options.actions = actions(n.actions, options.data.crier.links);
    return { title: n.title, options };
  }

  /* Those that the browser has room for; where each leads goes into links. */
  function actions(given, links) {
    const room = self.Notification && Notification.maxActions;
    return (Array.isArray(given) ? given : [])
      .map(object)
      .filter((a) => text(a.action) && text(a.title))
      .slice(0, room === undefined ? 2 : room)
      .map((a) => {
        links[a.action] = address(a.navigate);
        return text(a.icon) ? { action: a.action, title: a.title, icon: a.icon } : { action: a.action, title: a.title };
      });
  }

  function something() {
    const language = (self.navigator.language || "en").toLowerCase().split("-")[0];
    const known = NEWS[language] ? language : "en";
    return {
      title: self.location.hostname,
      options: { body: NEWS[known], lang: known, dir: known === "ar" ? "rtl" : "ltr", tag: "crier", data: { crier: { navigate: home(), links: {} } } },
    };
  }

  // ---- on the screen ----

  const revision = (data) => (Number.isFinite(object(data).revision) ? data.revision : 0);

  async function show(message) {
    const tag = message.options.tag;
    const shown = tag ? await self.registration.getNotifications({ tag }).catch(() => []) : [];
    const newer = shown.find((n) => revision(n.data) > revision(message.options.data));
    if (newer) {
      // Late, and overtaken: what stands stays. It is shown once more, without a sound, because something must be.
      return put(again(newer), { silent: true, renotify: false });
    }
    const { kind, close } = message.options.data;
    if (kind === "retract" && close === true && (await mayKeepSilent(tag))) {
      shown.forEach((n) => n.close());
      return undefined;
    }
    return put(message); // takes the place of what is shown under its tag
  }

  /* Firefox lets a few messages pass without a word, Chromium those that come while another stands. Others take the
   * permission away. */
  async function mayKeepSilent(tag) {
    const agent = self.navigator.userAgent;
    return agent.includes("Firefox/") ||
      (agent.includes("Chrome/") && (await self.registration.getNotifications()).some((n) => n.tag !== tag));
  }

  /* A browser that dislikes an option shows the message without them all. */
  function put(message, more) {
    return self.registration.showNotification(message.title, Object.assign({}, message.options, more)).catch(() => {
      const { body, tag, data } = message.options;
      return self.registration.showNotification(message.title, { body, tag, data });
    });
  }

  function again(n) {
    const options = {};
    ["body", "lang", "dir", "tag", "icon", "image", "badge", "timestamp", "requireInteraction", "data"].forEach(
      (name) => n[name] !== undefined && n[name] !== "" && n[name] !== null && (options[name] = n[name]));
    options.actions = Array.from(n.actions || [], (a) => ({ action: a.action, title: a.title }));
    return { title: n.title, options };
  }

  /* One after the other, or two of one article that come together would not see each other. */
  let before = Promise.resolve();

  self.addEventListener("push", (event) => {
    const message = read(event.data) || something();
    before = before.then(() => show(message)).catch(() => put(something())).catch(() => undefined);
    event.waitUntil(before);
  });

  // ---- clicked ----

  /* One page, however it was come to. */
  function page(href) {
    const url = new URL(href);
    url.hash = "";
    Array.from(url.searchParams.keys()).forEach((name) => name.startsWith("utm_") && url.searchParams.delete(name));
    return url.href;
  }

  async function open(href) {
    const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const there = windows.find((w) => page(w.url) === page(href));
    try {
      return await (there ? there.focus() : self.clients.openWindow(href));
    } catch (e) {
      return there ? self.clients.openWindow(href) : undefined;
    }
  }

  self.addEventListener("notificationclick", (event) => {
    const leads = object(event.notification.data).crier;
    if (!leads) {
      return; // another part of the site showed it
    }
    event.notification.close();
    event.waitUntil(open((event.action && leads.links[event.action]) || leads.navigate));
  });

  // ---- the browser has a new subscription, or wants one ----

  // client.js puts where crier is into the address of the worker; without that it is where this script lies.
  const told = new URL(self.location.href).searchParams;
  const server = told.get("server") || new URL(".", self.location.href).href;
  const channel = told.get("channel") || undefined;

  async function ask(path, body) {
    for (let tried = 1; ; tried++) {
      const answer = await fetch(server + path, {
        method: body ? "POST" : "GET",
        headers: body ? { "Content-Type": "application/json" } : {},
        body: body && JSON.stringify(body),
        credentials: "omit",
        referrerPolicy: "strict-origin",
      }).catch(() => null);
      if (answer && answer.ok) {
        return answer.json().catch(() => ({}));
      }
      const final = answer && answer.status < 500 && ![408, 425, 429].includes(answer.status);
      if (final || tried === CHANGE_TRIES) {
        throw new Error(path + ": " + (answer ? answer.status : "no answer"));
      }
      await new Promise((go) => setTimeout(go, 1000 * 2 ** tried * (0.5 + Math.random())));
    }
  }

  function bytes(base64url) {
    const raw = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
  }

  function base64url(buffer) {
    const raw = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  async function renew(event) {
    const about = await ask("key" + (channel ? "?channel=" + encodeURIComponent(channel) : ""));
    const push = self.registration.pushManager;
    const now = event.newSubscription || (await push.getSubscription()) ||
      (await push.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(about.key) }));
    const key = now.options && now.options.applicationServerKey;
    return ask("subscribe", {
      channel: about.channel,
      subscription: now.toJSON(),
      key: key ? base64url(key) : about.key,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      instead_of: event.oldSubscription ? event.oldSubscription.endpoint : undefined,
    });
  }

  self.addEventListener("pushsubscriptionchange", (event) => {
    // When it fails the page mends it on the reader's next visit.
    event.waitUntil(renew(event).catch(() => undefined));
  });
})();
