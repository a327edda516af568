/* crier: the button by which readers turn push messages on and off. A page has
 *
 *     <script src="https://push.news.example/push/client.js" defer></script>
 *     <crier-push></crier-push>                             (or <div data-crier-push></div>)
 *
 * and its site a file /crier-sw.js of one line, see sw.js.
 *
 * Options, attributes of the script; those marked * of an element too, which goes first:
 *
 *   data-channel="web"          the channel, where crier has more than one for browsers
 *   data-worker="/crier-sw.js"  where the site has the worker
 *   data-scope="…"              its scope; not set: crier-push/ beside it, where no page lies
 * * data-lang="de"              ar, de, en, es, fr, pt; not set: what the page says (lang="…")
 * * data-subscribe="sport"      the topics that whoever subscribes here begins with; not set: all
 * * data-topics="hide"          readers do not choose topics
 * * data-quiet="hide"           readers do not choose quiet hours
 * * data-topic-ID="…"           what readers see instead of the name of a topic
 * * data-text-NAME="…"          what they read instead of a text of the table below: data-text-title, data-text-on …
 *
 * Looks: it takes the font and the colour of the page. CSS variables on the element: --crier-accent, --crier-on-accent,
 * --crier-radius, --crier-width; parts: card, title, text, button, choices. State: attribute `state` of the element,
 * and an event `crier-push` with detail.state: off, on, denied, ios or unsupported.
 *
 * Nothing is asked before a click, nothing is kept but what the browser keeps of a subscription, no cookie, nobody is
 * counted. No inline code or style: a Content-Security-Policy needs this server in script-src and connect-src, and
 * 'self' in worker-src. */
(function () {
  "use strict";

  const script = document.currentScript || document.querySelector('script[src*="/push/client.js"]');
  if (!script || !window.customElements || customElements.get("crier-push")) {
    return; // once is enough
  }

  // ---- texts ----

  const NAMES = ["title", "text", "on", "titleOn", "textOn", "choose", "off", "topics", "quiet", "quietText", "from", "to", "save",
    "saved", "one", "busy", "asking", "dismissed", "turnedOff", "away", "failed", "again", "titleDenied", "textDenied",
    "titleNone", "textNone", "titleIos", "textIos", "ios1", "ios2", "ios3"];
  const TEXTS = {
    en: ["Breaking news, as it happens", "Get an alert on this device when it matters. You can turn it off here at any time.",
      "Turn on alerts", "Alerts are on", "This device gets our news as it happens.", "Choose what you get", "Turn off", "Topics",
      "Quiet hours", "Only breaking news during these hours", "From", "To", "Save", "Saved.",
      "Choose at least one topic, or turn alerts off.", "One moment…", "Your browser is asking: please allow notifications.",
      "Nothing was turned on: the browser’s question was not answered.", "Alerts are off.",
      "The server is not answering. Trying again…", "That did not work. Please try again later.", "Try again",
      "Alerts are blocked", "Your browser blocks notifications from this site. To allow them, open the site’s settings beside its address, then reload the page.",
      "No alerts in this browser", "This browser cannot show them, or not in a private window. Current versions of Firefox, Chrome, Edge and Safari can.",
      "Alerts on iPhone and iPad", "They work once this site is on your home screen:", "Tap Share.", "Choose “Add to Home Screen”.",
      "Open the site from there and turn on alerts."],
    de: ["Eilmeldungen, wenn es passiert", "Eine Mitteilung auf dieses Gerät, wenn es wichtig ist. Hier jederzeit abstellbar.",
      "Mitteilungen einschalten", "Mitteilungen sind an", "Dieses Gerät bekommt unsere Nachrichten, sobald etwas geschieht.", "Auswählen, was kommt", "Ausschalten",
      "Themen", "Ruhezeit", "In dieser Zeit nur Eilmeldungen", "Von", "Bis", "Speichern", "Gespeichert.",
      "Bitte mindestens ein Thema wählen oder die Mitteilungen ausschalten.", "Einen Moment…", "Der Browser fragt nach: Bitte Benachrichtigungen erlauben.",
      "Nichts wurde eingeschaltet: Die Frage des Browsers blieb unbeantwortet.", "Mitteilungen sind aus.",
      "Der Server antwortet nicht. Neuer Versuch…", "Das hat nicht geklappt. Bitte später noch einmal versuchen.", "Noch einmal",
      "Mitteilungen sind blockiert", "Der Browser blockiert Benachrichtigungen dieser Website. Zum Erlauben die Einstellungen der Website neben ihrer Adresse öffnen und die Seite neu laden.",
      "Keine Mitteilungen in diesem Browser", "Dieser Browser kann sie nicht anzeigen, oder nicht im privaten Fenster. Aktuelle Versionen von Firefox, Chrome, Edge und Safari können es.",
      "Mitteilungen auf iPhone und iPad", "Sie kommen, sobald diese Website auf dem Home-Bildschirm liegt:", "Auf „Teilen“ tippen.", "„Zum Home-Bildschirm“ wählen.",
      "Die Website von dort öffnen und die Mitteilungen einschalten."],
    fr: ["L’essentiel, dès qu’il se passe", "Recevez une alerte sur cet appareil quand c’est important. Vous pouvez la désactiver ici à tout moment.",
      "Activer les alertes", "Alertes activées", "Cet appareil reçoit nos informations dès qu’il se passe quelque chose.", "Choisir ses alertes", "Désactiver",
      "Thèmes", "Heures calmes", "Seulement les alertes urgentes à ces heures", "De", "À", "Enregistrer", "Enregistré.",
      "Choisissez au moins un thème, ou désactivez les alertes.", "Un instant…", "Votre navigateur pose une question : autorisez les notifications.",
      "Rien n’a été activé : la question du navigateur est restée sans réponse.", "Alertes désactivées.",
      "Le serveur ne répond pas. Nouvel essai…", "Cela n’a pas fonctionné. Réessayez plus tard.", "Réessayer",
      "Alertes bloquées", "Votre navigateur bloque les notifications de ce site. Pour les autoriser, ouvrez les paramètres du site à côté de son adresse, puis rechargez la page.",
      "Pas d’alertes dans ce navigateur", "Ce navigateur ne peut pas les afficher, ou pas en navigation privée. Les versions actuelles de Firefox, Chrome, Edge et Safari le peuvent.",
      "Alertes sur iPhone et iPad", "Elles fonctionnent une fois ce site sur l’écran d’accueil :", "Touchez Partager.", "Choisissez « Sur l’écran d’accueil ».",
      "Ouvrez le site depuis là et activez les alertes."],
    es: ["Última hora, al momento", "Reciba una alerta en este dispositivo cuando sea importante. Puede desactivarla aquí cuando quiera.",
      "Activar alertas", "Alertas activadas", "Este dispositivo recibe nuestras noticias al momento.", "Elegir qué recibir", "Desactivar",
      "Temas", "Horas de silencio", "Solo la última hora en este horario", "De", "A", "Guardar", "Guardado.",
      "Elija al menos un tema o desactive las alertas.", "Un momento…", "Su navegador pregunta: permita las notificaciones.",
      "No se activó nada: la pregunta del navegador quedó sin respuesta.", "Alertas desactivadas.",
      "El servidor no responde. Reintentando…", "No ha funcionado. Inténtelo más tarde.", "Reintentar",
      "Alertas bloqueadas", "Su navegador bloquea las notificaciones de este sitio. Para permitirlas, abra los ajustes del sitio junto a su dirección y recargue la página.",
      "Sin alertas en este navegador", "Este navegador no puede mostrarlas, o no en una ventana privada. Las versiones actuales de Firefox, Chrome, Edge y Safari sí.",
      "Alertas en iPhone y iPad", "Funcionan cuando este sitio está en la pantalla de inicio:", "Toque Compartir.", "Elija «Añadir a pantalla de inicio».",
      "Abra el sitio desde allí y active las alertas."],
    pt: ["As notícias, no momento", "Receba um alerta neste dispositivo quando for importante. Pode desativá-lo aqui a qualquer momento.",
      "Ativar alertas", "Alertas ativados", "Este dispositivo recebe as nossas notícias no momento.", "Escolher o que recebe", "Desativar",
      "Temas", "Horas de silêncio", "Só notícias urgentes neste horário", "Das", "Às", "Guardar", "Guardado.",
      "Escolha pelo menos um tema ou desative os alertas.", "Um momento…", "O navegador está a perguntar: permita as notificações.",
      "Nada foi ativado: a pergunta do navegador ficou sem resposta.", "Alertas desativados.",
      "O servidor não responde. A tentar de novo…", "Não funcionou. Tente mais tarde.", "Tentar de novo",
      "Alertas bloqueados", "O navegador bloqueia as notificações deste site. Para permitir, abra as definições do site junto ao endereço e recarregue a página.",
      "Sem alertas neste navegador", "Este navegador não os consegue mostrar, ou não numa janela privada. As versões atuais do Firefox, Chrome, Edge e Safari conseguem.",
      "Alertas no iPhone e iPad", "Funcionam quando este site está no ecrã principal:", "Toque em Partilhar.", "Escolha “Adicionar ao ecrã principal”.",
      "Abra o site a partir daí e ative os alertas."],
    ar: ["الأخبار العاجلة لحظة وقوعها", "يصلك تنبيه على هذا الجهاز عند كل خبر مهم. يمكنك إيقافه هنا في أي وقت.",
      "تشغيل التنبيهات", "التنبيهات مفعّلة", "تصل أخبارنا إلى هذا الجهاز لحظة وقوعها.", "اختيار ما يصلك", "إيقاف",
      "المواضيع", "ساعات الهدوء", "الأخبار العاجلة فقط خلال هذه الساعات", "من", "إلى", "حفظ", "تم الحفظ.",
      "اختر موضوعًا واحدًا على الأقل، أو أوقف التنبيهات.", "لحظة…", "يسألك المتصفح: يُرجى السماح بالإشعارات.",
      "لم يُفعّل شيء: لم تتم الإجابة عن سؤال المتصفح.", "التنبيهات متوقفة.",
      "الخادم لا يستجيب. جارٍ إعادة المحاولة…", "لم ينجح ذلك. يُرجى المحاولة لاحقًا.", "إعادة المحاولة",
      "التنبيهات محظورة", "يحظر متصفحك إشعارات هذا الموقع. للسماح بها افتح إعدادات الموقع بجانب عنوانه ثم أعد تحميل الصفحة.",
      "لا تنبيهات في هذا المتصفح", "لا يستطيع هذا المتصفح عرضها، أو ليس في نافذة خاصة. الإصدارات الحالية من Firefox وChrome وEdge وSafari تستطيع ذلك.",
      "التنبيهات على iPhone وiPad", "تعمل بعد إضافة هذا الموقع إلى الشاشة الرئيسية:", "اضغط على «مشاركة».", "اختر «إضافة إلى الشاشة الرئيسية».",
      "افتح الموقع من هناك وشغّل التنبيهات."],
  };
  const RTL = ["ar"];

  /* The attribute of the element, else of the script; "" is a value too. */
  function option(name, host) {
    const own = host && host.getAttribute("data-" + name);
    return own !== null && own !== undefined ? own : script.getAttribute("data-" + name);
  }

  function pageLanguage(host) {
    const near = (host || document.documentElement).closest("[lang]");
    return option("lang", host) || (near && near.getAttribute("lang")) || navigator.language || "en";
  }

  /* {lang, dir, of(name)} for an element. */
  function speak(host) {
    const wanted = pageLanguage(host).toLowerCase();
    const lang = [wanted, wanted.split("-")[0], "en"].find((l) => TEXTS[l]);
    const dashed = (name) => name.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase());
    return {
      lang,
      dir: RTL.includes(lang) ? "rtl" : "ltr",
      of: (name) => option("text-" + dashed(name), host) || TEXTS[lang][NAMES.indexOf(name)],
    };
  }

  // ---- the server ----

  const base = new URL(".", script.src).href;
  const TRIES = 5;
  const ANSWER_MS = 10000;
  const WAIT_MAX_MS = 30000;
  let about = null; // what GET key says, once it has been asked for

  async function once(path, body) {
    const end = new AbortController();
    const timer = setTimeout(() => end.abort(), ANSWER_MS);
    try {
      return await fetch(base + path, {
        method: body ? "POST" : "GET",
        headers: body ? { "Content-Type": "application/json" } : {},
        body: body ? JSON.stringify(body) : undefined,
        credentials: "omit",
        referrerPolicy: "strict-origin",
        signal: end.signal,
      });
    } catch (e) {
      return null;
    } finally {
      clearTimeout(timer);
    }
  }

  /* Until there is an answer that is final; an Error has its status, 0 when there was none at all. */
  async function ask(path, body, onAway) {
    for (let tried = 1; ; tried++) {
      const answer = await once(path, body);
      if (answer && answer.ok) {
        return answer.json().catch(() => ({}));
      }
      const status = answer ? answer.status : 0;
      if ((status >= 400 && status < 500 && ![408, 425, 429].includes(status)) || tried === TRIES) {
        throw Object.assign(new Error("crier: " + path + " was answered " + status), { status });
      }
      if (onAway) {
        onAway();
      }
      const asked = 1000 * Number((answer && answer.headers.get("Retry-After")) || 0);
      const wait = Math.max(asked || 0, 1000 * 2 ** (tried - 1)) * (1 + Math.random() / 2);
      await new Promise((go) => setTimeout(go, Math.min(wait, WAIT_MAX_MS)));
    }
  }

  function learn(onAway) {
    const channel = option("channel");
    if (!about) {
      about = ask("key" + (channel ? "?channel=" + encodeURIComponent(channel) : ""), null, onAway);
      about.catch(() => (about = null));
    }
    return about;
  }

  const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

  // ---- the browser ----

  const ios = () => /iPhone|iPad|iPod/.test(navigator.userAgent) || (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);

  /* On an iPhone and an iPad from 16.4 on, for what is on the home screen. */
  function iosCould() {
    const version = /(?:OS|Version\/)\s?(\d+)[._](\d+)/.exec(navigator.userAgent);
    return ios() && !navigator.standalone && version && 100 * Number(version[1]) + Number(version[2]) >= 1604;
  }

  const able = () => window.isSecureContext && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

  const beside = new URL(".", script.src).origin === location.origin;
  const workerAt = new URL(option("worker") || (beside ? base + "sw.js" : "/crier-sw.js"), location.href);
  const scope = new URL(option("scope") || "crier-push/", workerAt).href;

  function workerAddress() {
    const url = new URL(workerAt);
    if (!beside) {
      url.searchParams.set("server", base);
    }
    if (option("channel")) {
      url.searchParams.set("channel", option("channel"));
    }
    return url.href;
  }

  let policy; // once: a second one of that name is refused

  /* Pages that allow only marked addresses for scripts (Trusted Types) get a marked one. */
  function trusted(url) {
    try {
      policy = policy || window.trustedTypes.createPolicy("crier-push", { createScriptURL: (u) => u });
      return policy.createScriptURL(url);
    } catch (e) {
      return url;
    }
  }

  async function registration() {
    const found = await navigator.serviceWorker.getRegistration(scope);
    return found && found.scope === scope ? found : null; // another one may have a wider scope
  }

  async function register() {
    const made = await navigator.serviceWorker.register(trusted(workerAddress()), { scope, updateViaCache: "none" });
    const worker = made.installing || made.waiting;
    if (!made.active) {
      await new Promise((done, fail) => worker.addEventListener("statechange", () => {
        if (worker.state === "activated") {
          done();
        } else if (worker.state === "redundant") {
          fail(new Error("crier: the worker at " + workerAt.href + " could not be installed"));
        }
      }));
    }
    return made;
  }

  function bytes(base64url) {
    const raw = atob(base64url.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, (c) => c.charCodeAt(0));
  }

  /* Older browsers do not say for which key a subscription is. */
  function madeFor(subscription, key) {
    const own = subscription.options && subscription.options.applicationServerKey;
    return !own || String(new Uint8Array(own)) === String(bytes(key));
  }

  /* Of the browser and for that key; the server is told, also of which one it takes the place. */
  async function subscribe(where, info, more, onAway) {
    let own = await where.pushManager.getSubscription();
    let before;
    if (own && !madeFor(own, info.key)) {
      before = own.endpoint;
      await own.unsubscribe();
      own = null;
    }
    own = own || (await where.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(info.key) }));
    const body = { channel: info.channel, subscription: own.toJSON(), key: info.key, zone: zone(), language: pageLanguage(), instead_of: before };
    await ask("subscribe", Object.assign(body, more), onAway);
    return own;
  }

  /* Of a reader who has turned alerts on before: another key, another worker, another time zone. Every tenth page
   * asks whether the server knows the subscription still; more would be too many when an alert brings everybody. */
  async function keep(where, own) {
    const info = await learn();
    if (!where.active || where.active.scriptURL !== workerAddress()) {
      await register();
    }
    if (!madeFor(own, info.key)) {
      await subscribe(where, info);
    } else if (Math.random() < 0.1) {
      await choices(where, info, own);
    }
  }

  async function choices(where, info, own, more, onAway) {
    const body = Object.assign({ channel: info.channel, endpoint: own.endpoint, zone: zone() }, more);
    try {
      return await ask("topics", body, onAway);
    } catch (e) {
      if (e.status !== 404 && e.status !== 410) {
        throw e;
      }
      await subscribe(where, info, more, onAway); // the server has lost it
      return Object.assign({ topics: null, quiet: null }, more);
    }
  }

  // ---- what all elements of a page show ----

  const views = new Set();
  const now = { state: "", busy: false, note: "", failed: false, open: false, info: null, chosen: null };

  function change(what) {
    Object.assign(now, what);
    views.forEach((view) => view.draw());
  }

  const away = () => change({ note: "away" });

  /* What a click begins; one thing at a time. */
  async function during(work) {
    if (now.busy) {
      return;
    }
    change({ busy: true, failed: false, note: "busy" });
    try {
      change(Object.assign({ note: "" }, await work()));
    } catch (e) {
      console.warn(e); // for the site's developers: which request, which answer
      change({ failed: true, note: "failed" });
    }
    change({ busy: false });
  }

  async function look() {
    if (!able()) {
      return { state: iosCould() ? "ios" : "unsupported" };
    }
    if (Notification.permission === "denied") {
      return { state: "denied", open: false };
    }
    const where = await registration();
    const own = where && (await where.pushManager.getSubscription());
    if (own && Notification.permission === "granted") {
      keep(where, own).catch(() => undefined); // the next page tries again
      return { state: "on" };
    }
    return { state: "off", open: false };
  }

  /* The question comes first: browsers want it close to the click. */
  async function turnOn(host) {
    const info = learn(away);
    info.catch(() => undefined); // told of below
    if (Notification.permission === "default") {
      change({ note: "asking" });
    }
    const said = await Notification.requestPermission();
    if (said !== "granted") {
      return said === "denied" ? { state: "denied" } : { note: "dismissed" };
    }
    change({ note: "busy" });
    const topics = option("subscribe", host);
    const where = await register();
    try {
      await subscribe(where, await info, topics ? { topics: topics.split(/[\s,]+/).filter(Boolean) } : {}, away);
    } catch (e) {
      await forget(where); // what the server does not know of is no subscription
      throw e;
    }
    return { state: "on", info: await info };
  }

  async function forget(where) {
    const own = where && (await where.pushManager.getSubscription());
    if (own) {
      await own.unsubscribe();
    }
    return own;
  }

  /* Here at once; the server is told, and learns it from the push service if it cannot be. */
  async function turnOff() {
    const own = await forget(await registration());
    if (own) {
      learn().then((info) => ask("unsubscribe", { channel: info.channel, endpoint: own.endpoint })).catch(() => undefined);
    }
    return { state: "off", open: false, note: "turnedOff" };
  }

  async function choose(more) {
    const info = await learn(away);
    const where = await registration();
    const own = where && (await where.pushManager.getSubscription());
    if (!own) {
      return look();
    }
    const chosen = await choices(where, info, own, more, away);
    return { info, chosen, open: true, note: more ? "saved" : "" };
  }

  // ---- one element ----

  const STYLE = `
    :host { display: block; max-inline-size: var(--crier-width, 36rem); font: inherit; color: inherit; }
    :host([hidden]), [hidden] { display: none !important; }
    * { box-sizing: border-box; }
    .card { display: grid; grid-template-columns: auto 1fr; gap: .25em 1em; padding: 1.25em; text-align: start; line-height: 1.45;
      border: 1px solid; border-color: color-mix(in srgb, currentColor 18%, transparent);
      border-radius: var(--crier-radius, .75em); background: color-mix(in srgb, currentColor 3%, transparent); }
    .card > * { grid-column: 2; min-inline-size: 0; }
    .card > svg { grid-column: 1; grid-row: 1 / span 2; inline-size: 2.5em; block-size: 2.5em; padding: .5em; border-radius: 50%;
      color: var(--crier-on-accent, #fff); background: var(--crier-accent, #1a66e0); }
    .card.quiet > svg { color: inherit; background: color-mix(in srgb, currentColor 10%, transparent); }
    p, ol, fieldset, legend { margin: 0; padding: 0; border: 0; }
    .title { font-size: 1.125em; font-weight: 650; line-height: 1.3; text-wrap: balance; }
    .text { color: color-mix(in srgb, currentColor 82%, transparent); text-wrap: pretty; }
    ol { padding-inline-start: 1.4em; margin-block-start: .4em; }
    .row { display: flex; flex-wrap: wrap; gap: .6em; margin-block-start: .9em; }
    button { font: inherit; font-weight: 600; line-height: 1.2; min-block-size: 2.75em; padding: .5em 1.1em; cursor: pointer;
      border: 1px solid transparent; border-radius: calc(var(--crier-radius, .75em) * .75);
      color: inherit; background: transparent; border-color: color-mix(in srgb, currentColor 45%, transparent); }
    button:hover { background: color-mix(in srgb, currentColor 8%, transparent); }
    button.first { color: var(--crier-on-accent, #fff); background: var(--crier-accent, #1a66e0); border-color: transparent; }
    button.first:hover { filter: brightness(1.1); }
    button[aria-disabled="true"] { cursor: progress; opacity: .7; }
    :focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
    button.first:focus-visible { outline-color: var(--crier-accent, #1a66e0); }
    form { display: grid; gap: 1.1em; margin-block-start: 1.1em; padding-block-start: 1.1em;
      border-block-start: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
    legend { font-weight: 650; margin-block-end: .35em; }
    .topics { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 11em), 1fr)); gap: .1em 1em; }
    label { display: flex; align-items: center; gap: .6em; min-block-size: 2.5em; cursor: pointer; }
    input { font: inherit; color: inherit; accent-color: var(--crier-accent, #1a66e0); }
    input[type="checkbox"] { flex: none; inline-size: 1.25em; block-size: 1.25em; margin: 0; }
    input[type="time"] { padding: .4em .6em; background: transparent; border-radius: calc(var(--crier-radius, .75em) * .6);
      border: 1px solid color-mix(in srgb, currentColor 45%, transparent); }
    .hours { display: flex; flex-wrap: wrap; gap: .4em 1.2em; margin-block-start: .4em; }
    .note { min-block-size: 1.45em; margin-block-start: .6em; }
    .note:empty { min-block-size: 0; margin: 0; }
    .wait::before { content: ""; display: inline-block; inline-size: .9em; block-size: .9em; margin-inline-end: .6em; vertical-align: -.1em;
      border: 2px solid; border-block-start-color: transparent; border-radius: 50%; animation: turn .8s linear infinite; }
    @keyframes turn { to { transform: rotate(1turn); } }
    @media (prefers-reduced-motion: reduce) { .wait::before { animation-duration: 4s; } }
    @media (max-width: 26rem) { .card > svg { grid-row: 1; } .card > * { grid-column: 1 / -1; } .card > .title { grid-column: 2; align-self: center; }
      .row > button { flex: 1 1 auto; } }`;
  const BELL = "M6 17.5V11a6 6 0 0 1 12 0v6.5l1.5 1.5h-15zM10 21.5a2.2 2.2 0 0 0 4 0M12 5V3";
  let sheet;

  function make(tag, attributes, ...inside) {
    const made = document.createElement(tag);
    Object.keys(attributes || {}).forEach((name) => made.setAttribute(name, attributes[name]));
    made.append(...inside);
    return made;
  }

  function drawing(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const set = (e, values) => Object.keys(values).forEach((name) => e.setAttribute(name, values[name]));
    set(svg, { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round",
      "stroke-linejoin": "round", "aria-hidden": "true", focusable: "false" });
    set(line, { d: path });
    svg.append(line);
    return { svg, line };
  }

  function dress(root) {
    try {
      if (!sheet) {
        sheet = new CSSStyleSheet();
        sheet.replaceSync(STYLE);
      }
      root.adoptedStyleSheets = [sheet];
    } catch (e) {
      // An old browser shows it as the page does.
    }
  }

  const TITLES = { on: ["titleOn", "textOn"], off: ["title", "text"], denied: ["titleDenied", "textDenied"],
    ios: ["titleIos", "textIos"], unsupported: ["titleNone", "textNone"] };

  class View {
    constructor(host) {
      this.host = host;
      const root = host.shadowRoot || host.attachShadow({ mode: "open" });
      dress(root);
      this.build();
      root.replaceChildren(this.card);
    }

    /* Once: what has the focus stays while states come and go. */
    build() {
      this.bell = drawing(BELL);
      this.title = make("p", { id: "title", class: "title", part: "title" });
      this.text = make("p", { id: "text", class: "text", part: "text" });
      this.steps = make("ol");
      this.main = make("button", { type: "button", class: "first", part: "button" });
      this.more = make("button", { type: "button", part: "button", "aria-controls": "choices" });
      this.off = make("button", { type: "button", part: "button" });
      this.form = make("form", { id: "choices", part: "choices", "aria-labelledby": "title" });
      this.note = make("p", { class: "note", role: "status", "aria-live": "polite" });
      this.row = make("div", { class: "row" }, this.main, this.more, this.off);
      this.card = make("div", { class: "card", part: "card", role: "group", "aria-labelledby": "title" },
        this.bell.svg, this.title, this.text, this.steps, this.row, this.form, this.note);
      this.main.addEventListener("click", () => during(() => turnOn(this.host)));
      this.off.addEventListener("click", () => this.hasFocus(during(turnOff)));
      this.more.addEventListener("click", () => (now.open ? change({ open: false, note: "" }) : during(() => choose())));
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        this.save();
      });
    }

    /* A button that goes away hands the focus to the one that comes. */
    async hasFocus(work) {
      await work;
      (this.main.hidden ? this.more : this.main).focus();
    }

    draw() {
      const say = speak(this.host), state = now.state, [title, text] = TITLES[state] || ["", ""];
      this.say = say;
      this.card.hidden = !state;
      this.card.lang = say.lang;
      this.card.dir = say.dir;
      this.card.className = state === "on" || state === "off" ? "card" : "card quiet";
      this.bell.line.setAttribute("d", BELL + (state === "denied" || state === "unsupported" ? "M4 3l16 18" : state === "on" ? "M9 12l2 2 4-4" : ""));
      this.title.textContent = title && say.of(title);
      this.text.textContent = text && say.of(text);
      this.steps.hidden = state !== "ios";
      this.steps.replaceChildren(...["ios1", "ios2", "ios3"].map((name) => make("li", {}, say.of(name))));
      this.drawButtons(state, say);
      this.drawForm();
      this.note.className = now.busy ? "note wait" : "note";
      const note = now.note && say.of(now.note);
      if (this.note.textContent !== note) {
        this.note.textContent = note; // only what is new is read out
      }
      if (this.host.getAttribute("state") !== state) {
        this.host.setAttribute("state", state);
        this.host.dispatchEvent(new CustomEvent("crier-push", { bubbles: true, composed: true, detail: { state } }));
      }
    }

    drawButtons(state, say) {
      const hadFocus = this.host.shadowRoot.activeElement;
      this.row.hidden = state !== "on" && state !== "off";
      this.main.hidden = state !== "off";
      this.main.textContent = say.of(now.failed ? "again" : "on");
      this.off.hidden = state !== "on";
      this.off.textContent = say.of("off");
      this.more.hidden = state !== "on" || !this.hasChoices();
      this.more.textContent = say.of("choose");
      this.more.setAttribute("aria-expanded", String(now.open));
      [this.main, this.off, this.more].forEach((b) => b.setAttribute("aria-disabled", String(now.busy)));
      if (hadFocus === this.main && this.main.hidden && !this.row.hidden) {
        (this.more.hidden ? this.off : this.more).focus();
      }
    }

    topics() {
      const known = now.info && now.info.topics;
      return option("topics", this.host) === "hide" || !known ? [] : Object.keys(known);
    }

    hasQuiet() {
      return option("quiet", this.host) !== "hide" && !(now.info && now.info.quiet_hours === false);
    }

    /* Before the server was asked, whether there is anything to choose is not known. */
    hasChoices() {
      return this.hasQuiet() || (now.info ? this.topics().length > 0 : option("topics", this.host) !== "hide");
    }

    drawForm() {
      const shown = now.open && now.state === "on";
      if (shown && this.form.hidden) { // not while it is being filled in
        this.form.replaceChildren(...this.fields(now.chosen), make("div", { class: "row" },
          make("button", { type: "submit", class: "first", part: "button" }, this.say.of("save"))));
      }
      this.form.hidden = !shown;
    }

    fields(chosen) {
      const fields = [];
      const box = (attributes, label) => make("label", {}, make("input", Object.assign({ type: "checkbox" }, attributes)), label);
      const boxes = this.topics().map((id) => {
        const ticked = !chosen.topics || chosen.topics.includes(id);
        const name = make("bdi", {}, option("topic-" + id.toLowerCase(), this.host) || now.info.topics[id]);
        return box(Object.assign({ name: "topic", value: id }, ticked ? { checked: "" } : {}), name);
      });
      if (boxes.length > 0) {
        fields.push(make("fieldset", {}, make("legend", {}, this.say.of("topics")), make("div", { class: "topics" }, ...boxes)));
      }
      if (this.hasQuiet()) {
        fields.push(this.quietFields(chosen.quiet, box));
      }
      return fields;
    }

    quietFields(quiet, box) {
      const hour = (name, value) => make("label", {}, this.say.of(name), make("input", { type: "time", name, value, required: "" }));
      const ticked = box(Object.assign({ name: "quiet" }, quiet ? { checked: "" } : {}), this.say.of("quietText"));
      const hours = make("div", { class: "hours" }, hour("from", quiet ? quiet.from : "22:00"), hour("to", quiet ? quiet.to : "07:00"));
      const sync = () => (hours.hidden = !ticked.firstChild.checked);
      ticked.firstChild.addEventListener("change", sync);
      sync();
      return make("fieldset", {}, make("legend", {}, this.say.of("quiet")), ticked, hours);
    }

    save() {
      const field = (name) => this.form.querySelector(`input[name="${name}"]`);
      const boxes = Array.from(this.form.querySelectorAll('input[name="topic"]'));
      const topics = boxes.filter((b) => b.checked).map((b) => b.value);
      const more = {};
      if (boxes.length > 0) {
        if (topics.length === 0) {
          change({ note: "one" });
          boxes[0].focus();
          return;
        }
        more.topics = topics.length === boxes.length ? null : topics; // all: also those to come
      }
      if (field("quiet")) {
        more.quiet = field("quiet").checked ? { from: field("from").value, to: field("to").value } : null;
      }
      during(() => choose(more));
    }
  }

  // ---- elements ----

  function mount(host) {
    const view = new View(host);
    views.add(view);
    view.draw();
    return view;
  }

  customElements.define("crier-push", class extends HTMLElement {
    connectedCallback() {
      this.view = mount(this);
    }

    disconnectedCallback() {
      views.delete(this.view);
    }
  });

  async function refresh() {
    change(await look().catch(() => ({ state: "unsupported" })));
  }

  function begin() {
    document.querySelectorAll("[data-crier-push]").forEach(mount);
    refresh();
    if (able() && navigator.permissions) {
      // Readers change it in the browser's settings, where no page sees the click.
      navigator.permissions.query({ name: "notifications" }).then((p) => p.addEventListener("change", () => now.busy || refresh())).catch(() => undefined);
    }
  }

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", begin);
  } else {
    begin();
  }
})();
