/* Crier's bell: <crier-bell src="https://inbox.example.com" user="u_1" token="…"></crier-bell>
 *
 * src        where browsers reach their inboxes; by default where this script came from
 * user       whose inbox
 * token      lets this page see it (POST /v1/inbox/{user}/token, by your server)
 * token-url  instead, or besides: an address of yours that answers {"token": "…"}; asked again when a token ends
 * lang       en, de, es, fr, pl or ar; by default the page's
 * theme      light or dark; by default the system's
 *
 * Everything a notification says is put in as text, and a link is followed only to http and https. Nothing needs an
 * exception from a Content-Security-Policy: no inline script, no inline style.
 *
 * Events: crier-notification (detail: the notification), crier-count (detail: {unread}), crier-open (detail: the
 * notification; preventDefault() keeps the page from following its link), crier-token-expired.
 */
(() => {
  "use strict";
  const HERE = document.currentScript ? new URL(document.currentScript.src).origin : location.origin;

  const WORDS = {
    en: { bell: "Notifications", unread: n => `${n} unread`, none: "You are all caught up.", all: "All", archived: "Archived",
          readAll: "Mark all as read", read: "Mark as read", unreadOne: "Mark as unread", archive: "Archive",
          unarchive: "Move to inbox", more: "Show more", close: "Close", isNew: "unread", offline: "Not connected. Trying again…",
          noneArchived: "Nothing is archived." },
    de: { bell: "Mitteilungen", unread: n => `${n} ungelesen`, none: "Sie sind auf dem neuesten Stand.", all: "Alle", archived: "Archiv",
          readAll: "Alle als gelesen markieren", read: "Als gelesen markieren", unreadOne: "Als ungelesen markieren", archive: "Archivieren",
          unarchive: "Zurückholen", more: "Mehr anzeigen", close: "Schließen", isNew: "ungelesen", offline: "Keine Verbindung. Neuer Versuch …",
          noneArchived: "Nichts ist archiviert." },
    es: { bell: "Notificaciones", unread: n => `${n} sin leer`, none: "Está al día.", all: "Todas", archived: "Archivadas",
          readAll: "Marcar todo como leído", read: "Marcar como leída", unreadOne: "Marcar como no leída", archive: "Archivar",
          unarchive: "Devolver a la bandeja", more: "Mostrar más", close: "Cerrar", isNew: "sin leer", offline: "Sin conexión. Reintentando…",
          noneArchived: "No hay nada archivado." },
    fr: { bell: "Notifications", unread: n => `${n} non lue${n === 1 ? "" : "s"}`, none: "Vous êtes à jour.", all: "Toutes", archived: "Archivées",
          readAll: "Tout marquer comme lu", read: "Marquer comme lue", unreadOne: "Marquer comme non lue", archive: "Archiver",
          unarchive: "Remettre dans la boîte", more: "Afficher plus", close: "Fermer", isNew: "non lue", offline: "Pas de connexion. Nouvel essai…",
          noneArchived: "Rien n’est archivé." },
    pl: { bell: "Powiadomienia", unread: n => `Nieprzeczytane: ${n}`, none: "Wszystko przeczytane.", all: "Wszystkie", archived: "Archiwum",
          readAll: "Oznacz wszystkie jako przeczytane", read: "Oznacz jako przeczytane", unreadOne: "Oznacz jako nieprzeczytane", archive: "Archiwizuj",
          unarchive: "Przywróć", more: "Pokaż więcej", close: "Zamknij", isNew: "nieprzeczytane", offline: "Brak połączenia. Ponawianie…",
          noneArchived: "Archiwum jest puste." },
    ar: { bell: "الإشعارات", unread: n => `${n} غير مقروء`, none: "لا جديد لديك.", all: "الكل", archived: "المؤرشفة",
          readAll: "تعليم الكل كمقروء", read: "تعليم كمقروء", unreadOne: "تعليم كغير مقروء", archive: "أرشفة",
          unarchive: "إعادة إلى الوارد", more: "عرض المزيد", close: "إغلاق", isNew: "غير مقروء", offline: "لا يوجد اتصال. جارٍ إعادة المحاولة…",
          noneArchived: "لا شيء في الأرشيف." },
  };

  const CSS = `
    :host { --bell-accent: #2563eb; --bell-badge: #dc2626; --bell-text: #16181d; --bell-soft: #5f6672; --bell-line: #e4e6ea;
      --bell-back: #fff; --bell-hover: #f4f6f9; --bell-unread: #f0f5ff; --bell-shadow: 0 16px 48px #10182833, 0 2px 8px #1018281a;
      display: inline-block; position: relative; color: var(--bell-text);
      font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", sans-serif; text-align: start; }
    :host([theme="dark"]) { --bell-accent: #7aa2ff; --bell-badge: #dc2626; --bell-text: #f1f3f6; --bell-soft: #a0a7b4; --bell-line: #2d323b;
      --bell-back: #191c22; --bell-hover: #22262e; --bell-unread: #1c2537; --bell-shadow: 0 16px 48px #000a; color-scheme: dark; }
    @media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { --bell-accent: #7aa2ff; --bell-text: #f1f3f6; --bell-soft: #a0a7b4;
      --bell-line: #2d323b; --bell-back: #191c22; --bell-hover: #22262e; --bell-unread: #1c2537; --bell-shadow: 0 16px 48px #000a; color-scheme: dark; } }
    :host([hidden]), [hidden] { display: none !important; }
    *, ::before { box-sizing: border-box; }
    button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; }
    :focus-visible { outline: 2px solid var(--bell-accent); outline-offset: 2px; }
    svg { display: block; width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
    .bell { position: relative; width: 44px; height: 44px; border-radius: 12px; display: grid; place-items: center; }
    .bell:hover { background: var(--bell-hover); }
    .bell svg { width: 24px; height: 24px; }
    .badge { position: absolute; inset-block-start: 3px; inset-inline-start: 23px; min-width: 19px; height: 19px; padding: 0 5px; border-radius: 10px;
      background: var(--bell-badge); color: #fff; font-size: 11.5px; font-weight: 700; line-height: 19px; text-align: center; font-variant-numeric: tabular-nums; }
    .panel { position: absolute; z-index: 1000; inset-block-start: calc(100% + 8px); inset-inline-end: 0; width: 400px; max-height: min(640px, 80vh);
      display: flex; flex-direction: column; background: var(--bell-back); border: 1px solid var(--bell-line); border-radius: 16px; box-shadow: var(--bell-shadow); overflow: hidden; }
    :host([align="start"]) .panel { inset-inline: 0 auto; }
    .head { display: flex; align-items: center; gap: 8px; padding: 14px 18px 8px; }
    h2 { flex: 1; margin: 0; font-size: 17px; line-height: 24px; }
    .tool { width: 34px; height: 34px; border-radius: 9px; display: grid; place-items: center; color: var(--bell-soft); }
    .tool:hover { background: var(--bell-hover); color: var(--bell-text); }
    .close { display: none; }
    .tablist { display: flex; gap: 18px; }
    .tabs { display: flex; gap: 18px; padding: 0 18px; border-bottom: 1px solid var(--bell-line); align-items: center; }
    .tab { padding: 6px 0 10px; margin-bottom: -1px; color: var(--bell-soft); border-bottom: 2px solid transparent; font-weight: 600; font-size: 14px; }
    .tab[aria-selected="true"] { color: var(--bell-text); border-color: var(--bell-accent); }
    .all { margin-inline-start: auto; padding: 6px 0 10px; color: var(--bell-accent); font-size: 13.5px; font-weight: 600; }
    .all:hover { text-decoration: underline; }
    .offline { margin: 0; padding: 8px 18px; font-size: 13px; color: var(--bell-soft); background: var(--bell-hover); }
    .list { list-style: none; margin: 0; padding: 0; overflow-y: auto; overscroll-behavior: contain; flex: 1; }
    .item { position: relative; display: flex; gap: 12px; padding: 14px 18px; border-bottom: 1px solid var(--bell-line); overflow-wrap: anywhere; }
    .item:last-child { border-bottom: 0; }
    .item:hover { background: var(--bell-hover); }
    .item.unread { background: var(--bell-unread); }
    .item.unread::before { content: ""; position: absolute; inset-inline-start: 6px; inset-block-start: 28px; width: 7px; height: 7px; border-radius: 4px; background: var(--bell-accent); }
    .icon { flex: none; width: 36px; height: 36px; border-radius: 11px; background: var(--bell-hover); display: grid; place-items: center; font-size: 19px; line-height: 1; object-fit: cover; color: var(--bell-soft); }
    .unread .icon, .item:hover .icon { background: var(--bell-back); }
    .words { flex: 1; min-width: 0; }
    .title { display: block; font-weight: 600; color: inherit; text-decoration: none; text-align: start; width: 100%; }
    a.title:hover { text-decoration: underline; }
    .item:not(.unread) .title { font-weight: 500; }
    .body { margin: 2px 0 0; color: var(--bell-soft); font-size: 14px; white-space: pre-line; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 4; overflow: hidden; }
    .picture { display: block; width: 100%; max-height: 160px; margin-top: 10px; border-radius: 10px; object-fit: cover; background: var(--bell-hover); }
    .actions { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 10px; }
    .action { padding: 5px 13px; border: 1px solid var(--bell-line); border-radius: 8px; background: var(--bell-back); color: inherit; font-size: 13.5px; font-weight: 600; text-decoration: none; }
    .action:first-child { background: var(--bell-accent); border-color: var(--bell-accent); color: var(--bell-back); }
    .action:hover { filter: brightness(1.06); }
    .foot { display: flex; align-items: center; gap: 2px; margin: 4px 0 -4px; min-height: 28px; color: var(--bell-soft); font-size: 12.5px; }
    .foot time { flex: 1; }
    .foot .tool { width: 30px; height: 28px; opacity: 0; }
    .foot .tool svg { width: 17px; height: 17px; }
    .item:hover .tool, .item:focus-within .tool { opacity: 1; }
    .empty { padding: 56px 24px; text-align: center; color: var(--bell-soft); }
    .empty svg { width: 34px; height: 34px; margin: 0 auto 12px; opacity: .6; }
    .more { display: block; width: 100%; padding: 13px; color: var(--bell-accent); font-weight: 600; font-size: 14px; }
    .more:hover { background: var(--bell-hover); }
    .said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    @media (hover: none) { .foot .tool { opacity: 1; } }
    @media (max-width: 520px) {
      .panel, :host([align="start"]) .panel { position: fixed; inset: 0; width: auto; max-height: none; border: 0; border-radius: 0; }
      .close { display: grid; }
      .foot .tool { opacity: 1; width: 40px; height: 36px; }
    }
    @media (prefers-reduced-motion: no-preference) { .bell.rings svg { animation: ring .6s ease; transform-origin: 50% 10%; }
      @keyframes ring { 20% { transform: rotate(14deg) } 40% { transform: rotate(-11deg) } 60% { transform: rotate(7deg) } 80% { transform: rotate(-4deg) } } }
  `;

  const DRAWN = {
    bell: "M6 8a6 6 0 0 1 12 0c0 7 3 8 3 8H3s3-1 3-8 M10.3 20a2 2 0 0 0 3.4 0",
    archive: "M3 5h18v4H3z M5 9v10h14V9 M10 13h4",
    unarchive: "M3 5h18v4H3z M5 9v10h14V9 M12 17v-5 M9.5 14 12 11.5 14.5 14",
    read: "M4 12.5 9.5 18 20 7",
    unread: "M12 12m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0",
    close: "M6 6l12 12 M18 6 6 18",
  };

  const PAGE = 15, QUIET = 45000, HIDDEN = 30000, LONGEST = 60000, MOST_KEPT = 200;
  const sleep = milliseconds => new Promise(done => setTimeout(done, milliseconds));

  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element && name !== "role") element[name] = value; else element.setAttribute(name, value);
    }
    element.append(...children.filter(child => child !== null));
    return element;
  }

  function drawn(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", DRAWN[name]);
    svg.append(path);
    return svg;
  }

  /* Where a link leads, as an absolute address; null for whatever is neither http nor https. */
  function safe(link, only) {
    if (typeof link !== "string" || !link) return null;
    try {
      const url = new URL(link, document.baseURI);
      return url.protocol === "https:" || (!only && url.protocol === "http:") ? url.href : null;
    } catch { return null; }
  }

  class Refused extends Error {
    constructor(status) { super(`answered ${status}`); this.status = status; }
  }

  /* An answer for somebody whose inbox is not the one on show any more. */
  class Late extends Error {}

  class CrierBell extends HTMLElement {
    static observedAttributes = ["src", "user", "token", "token-url", "lang"];

    #items = new Map(); #shown = []; #next = null; #state = "inbox"; #unread = 0; #last = null; #token = null;
    #run = null; #isOpen = false; #parts = {}; #hiddenFor = null; #loading = null; #whose = {};

    constructor() {
      super();
      this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      this.shadowRoot.adoptedStyleSheets = [sheet];
    }

    connectedCallback() {
      this.#build();
      document.addEventListener("pointerdown", this.#outside);
      document.addEventListener("visibilitychange", this.#visibility);
      this.#begin();
    }

    disconnectedCallback() {
      document.removeEventListener("pointerdown", this.#outside);
      document.removeEventListener("visibilitychange", this.#visibility);
      this.#end();
    }

    attributeChangedCallback(name, before, after) {
      if (before === after) return;
      const isOther = name === "user" || name === "src";
      if (isOther) this.#clear();
      if (name === "token") this.#token = after;
      if (!this.isConnected || !this.#parts.bell) return;
      if (name === "lang") { this.#build(); return; }
      if (name === "token" && this.#run && this.#last !== null) return;
      this.#begin();
      if (isOther) this.#draw();
    }

    /* Nothing of an inbox is kept, or taken of what was asked of it, once another is wanted. */
    #clear() {
      this.#end();
      this.#whose = {};
      this.#items.clear();
      this.#shown = [];
      this.#next = this.#last = this.#token = this.#loading = null;
      if (this.#parts.said) this.#parts.said.textContent = "";
      this.#count(0);
    }

    get unread() { return this.#unread; }

    open() { this.#toggle(true); }
    close() { this.#toggle(false); }

    /* What it is made of */

    get #words() {
      const asked = this.getAttribute("lang") || this.closest("[lang]")?.getAttribute("lang") || navigator.language || "en";
      return WORDS[asked.toLowerCase().split("-")[0]] || WORDS.en;
    }

    get #language() {
      const asked = this.getAttribute("lang") || this.closest("[lang]")?.getAttribute("lang") || navigator.language || "en";
      return Object.keys(WORDS).includes(asked.toLowerCase().split("-")[0]) ? asked : "en";
    }

    #build() {
      const words = this.#words, root = this.shadowRoot;
      const wasOpen = this.#isOpen;
      const dir = this.#language.toLowerCase().startsWith("ar") ? "rtl" : "ltr";
      const badge = make("span", { className: "badge", hidden: true, "aria-hidden": "true" });
      const bell = make("button", { type: "button", className: "bell", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "panel" }, drawn("bell"), badge);
      const readAll = make("button", { type: "button", className: "all", textContent: words.readAll });
      const tabs = ["inbox", "archived"].map((state, place) => make("button", {
        type: "button", className: "tab", role: "tab", id: `tab-${state}`, "aria-controls": "list", "data-state": state,
        textContent: place ? words.archived : words.all,
      }));
      const close = make("button", { type: "button", className: "tool close", "aria-label": words.close }, drawn("close"));
      const list = make("ul", { className: "list", id: "list", role: "list", "aria-label": words.bell });
      const offline = make("p", { className: "offline", role: "status", hidden: true, textContent: words.offline });
      const panel = make("div", { className: "panel", id: "panel", role: "dialog", "aria-labelledby": "heading", hidden: true },
        make("div", { className: "head" }, make("h2", { id: "heading", textContent: words.bell }), close),
        make("div", { className: "tabs" }, make("div", { role: "tablist", "aria-label": words.bell, className: "tablist" }, ...tabs), readAll),
        offline, list);
      const said = make("div", { className: "said", "aria-live": "polite", "aria-atomic": "true" });
      const frame = make("div", { dir, lang: this.#language }, bell, panel, said);
      root.replaceChildren(frame);
      this.#parts = { bell, badge, panel, list, readAll, tabs, offline, said, close };
      bell.addEventListener("click", () => this.#toggle(!this.#isOpen));
      close.addEventListener("click", () => this.#toggle(false));
      readAll.addEventListener("click", () => this.#readAll());
      for (const tab of tabs) tab.addEventListener("click", () => this.#show(tab.dataset.state));
      root.firstChild.addEventListener("keydown", event => this.#key(event));
      this.#isOpen = false;
      this.#draw();
      if (wasOpen) this.#toggle(true);
    }

    #draw() {
      this.#drawCount();
      const { list, tabs } = this.#parts, words = this.#words;
      for (const tab of tabs) {
        const chosen = tab.dataset.state === this.#state;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
      }
      if (!this.#isOpen) return;
      const focused = this.shadowRoot.activeElement;
      const at = focused?.closest?.("[data-id]")?.dataset.id, what = focused?.dataset?.what;
      const rows = this.#shown.map(id => this.#items.get(id)).filter(Boolean).map(item => this.#row(item));
      if (!rows.length && this.#loading === null) {
        rows.push(make("li", { className: "empty" }, drawn("bell"), this.#state === "archived" ? words.noneArchived : words.none));
      }
      if (this.#next) {
        const more = make("button", { type: "button", className: "more", textContent: words.more });
        more.addEventListener("click", () => this.#load(this.#next).catch(error => this.#failed(error)));
        rows.push(make("li", {}, more));
      }
      list.replaceChildren(...rows);
      if (at) {
        const row = [...list.children].find(each => each.dataset.id === at);
        (row?.querySelector(`[data-what="${what}"]`) || row?.querySelector("[data-what]") || this.#parts.bell).focus();
      }
    }

    #drawCount() {
      const { bell, badge, readAll } = this.#parts, words = this.#words;
      badge.textContent = this.#unread > 99 ? "99+" : String(this.#unread);
      badge.hidden = this.#unread === 0;
      bell.setAttribute("aria-label", this.#unread ? `${words.bell}, ${words.unread(this.#unread)}` : words.bell);
      readAll.hidden = this.#unread === 0 || this.#state !== "inbox";
    }

    #row(item) {
      const words = this.#words, unread = !item.read_at;
      const href = safe(item.link);
      const title = href
        ? make("a", { className: "title", href, rel: "noopener", "data-what": "title", dir: "auto" })
        : make("button", { type: "button", className: "title", "data-what": "title", dir: "auto" });
      title.textContent = item.title;
      if (unread) title.append(make("span", { className: "said", textContent: `, ${words.isNew}` }));
      title.addEventListener("click", event => this.#follow(event, item, href));
      const icon = safe(item.icon?.startsWith?.("https://") ? item.icon : "", true);
      const shown = icon
        ? make("img", { className: "icon", src: icon, alt: "", loading: "lazy", referrerPolicy: "no-referrer" })
        : make("span", { className: "icon", "aria-hidden": "true" }, item.icon && !item.icon.includes(":") ? item.icon : drawn("bell"));
      const image = safe(item.image, true);
      const actions = (item.actions || []).slice(0, 3).map(action => {
        const to = safe(action.link);
        if (!to) return null;
        const link = make("a", { className: "action", href: to, rel: "noopener", textContent: action.label, dir: "auto", "data-what": `action ${to}` });
        link.addEventListener("click", event => this.#follow(event, item, to));
        return link;
      }).filter(Boolean);
      const when = new Date(item.created_at);
      const row = make("li", { className: unread ? "item unread" : "item", "data-id": item.id }, shown,
        make("div", { className: "words" }, title,
          item.body ? make("p", { className: "body", textContent: item.body, dir: "auto" }) : null,
          image ? make("img", { className: "picture", src: image, alt: "", loading: "lazy", referrerPolicy: "no-referrer" }) : null,
          actions.length ? make("div", { className: "actions" }, ...actions) : null,
          make("div", { className: "foot" },
            make("time", { dateTime: item.created_at, title: when.toLocaleString(this.#language), textContent: this.#ago(when) }),
            this.#tool(item, unread ? "read" : "unread", unread ? words.read : words.unreadOne),
            this.#tool(item, item.archived_at ? "unarchive" : "archive", item.archived_at ? words.unarchive : words.archive))));
      return row;
    }

    #tool(item, mark, label) {
      const tool = make("button", { type: "button", className: "tool", title: label, "aria-label": `${label}: ${item.title}`, "data-what": mark === "unread" ? "read" : mark }, drawn(mark));
      tool.addEventListener("click", () => this.#mark(item, mark));
      return tool;
    }

    #ago(when) {
      const seconds = (when - Date.now()) / 1000;
      const format = new Intl.RelativeTimeFormat(this.#language, { numeric: "auto" });
      for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
        if (Math.abs(seconds) >= size) {
          return unit === "day" && -seconds > 7 * size ? when.toLocaleDateString(this.#language, { dateStyle: "medium" }) : format.format(Math.round(seconds / size), unit);
        }
      }
      return format.format(0, "second");
    }

    /* What people do */

    #toggle(open) {
      if (open === this.#isOpen) return;
      this.#isOpen = open;
      const { bell, panel, tabs } = this.#parts;
      panel.hidden = !open;
      bell.setAttribute("aria-expanded", String(open));
      if (open) {
        this.#draw();
        tabs.find(tab => tab.tabIndex === 0)?.focus({ preventScroll: true });
      } else if (this.shadowRoot.activeElement) bell.focus();
    }

    #outside = event => { if (!event.composedPath().includes(this)) this.#toggle(false); };

    #key(event) {
      if (!this.#isOpen) return;
      const { tabs } = this.#parts, focused = this.shadowRoot.activeElement;
      if (event.key === "Escape") { event.stopPropagation(); this.#parts.bell.focus(); this.#toggle(false); return; }
      if (tabs.includes(focused) && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        const other = tabs.find(tab => tab !== focused);
        this.#show(other.dataset.state);
        other.focus();
        event.preventDefault();
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const titles = [...this.shadowRoot.querySelectorAll("[data-what=title]")];
        const row = focused?.closest?.("[data-id]")?.querySelector("[data-what=title]");
        const at = titles.indexOf(row) + (event.key === "ArrowDown" ? 1 : -1);
        (titles[at] || (at < 0 ? tabs.find(tab => tab.tabIndex === 0) : null))?.focus();
        event.preventDefault();
      }
    }

    #follow(event, item, href) {
      const told = new CustomEvent("crier-open", { detail: item, bubbles: true, composed: true, cancelable: true });
      if (!this.dispatchEvent(told)) event.preventDefault();
      // The page may be left by this click: the mark goes all the same.
      if (!item.read_at) this.#mark(item, "read", { keepalive: true });
      if (!href) event.preventDefault();
    }

    async #mark(item, mark, options = {}) {
      try {
        const marked = await this.#ask("POST", `/${item.id}/${mark}`, options);
        this.#items.set(marked.item.id, marked.item);
        this.#sort();
        this.#count(marked.unread);
        this.#draw();
      } catch (error) { this.#failed(error); }
    }

    async #readAll() {
      try {
        const done = await this.#ask("POST", "/read-all", { body: JSON.stringify(this.#last ? { up_to: this.#last } : {}) });
        const now = new Date().toISOString();
        for (const [id, item] of this.#items) if (!item.read_at && !item.archived_at) this.#items.set(id, { ...item, read_at: now });
        this.#count(done.unread);
        this.#draw();
        this.#parts.tabs[0].focus();
      } catch (error) { this.#failed(error); }
    }

    #show(state) {
      if (this.#state === state) return;
      this.#state = state;
      this.#shown = [];
      this.#next = null;
      this.#load(null).catch(error => this.#failed(error));
      this.#draw();
    }

    /* What the server says */

    get #address() {
      const user = this.getAttribute("user");
      return user && `${(this.getAttribute("src") || HERE).replace(/\/+$/, "")}/v1/inbox/${encodeURIComponent(user)}`;
    }

    async #bearer(again = false) {
      const whose = this.#whose;
      if (again) this.#token = null;
      if (!this.#token) this.#token = again && this.getAttribute("token-url") ? null : this.getAttribute("token");
      const source = this.getAttribute("token-url");
      if (!this.#token && source) {
        const answer = await fetch(new URL(source, document.baseURI), { credentials: "same-origin", headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Refused(answer.status);
        const { token } = await answer.json();
        if (whose !== this.#whose) throw new Late();
        this.#token = token;
      }
      return this.#token;
    }

    async #fetch(method, path, options = {}) {
      const whose = this.#whose, address = this.#address;
      for (const again of [false, true]) {
        const token = await this.#bearer(again);
        if (whose !== this.#whose) throw new Late();
        const headers = { Authorization: `Bearer ${token}`, ...options.headers };
        const answer = await fetch(address + path, { ...options, method, headers, credentials: "omit", cache: "no-store" });
        if (answer.ok) return answer;
        if (answer.status !== 401 || again || whose !== this.#whose || !this.getAttribute("token-url")) throw Object.assign(new Refused(answer.status), { wait: Number(answer.headers.get("Retry-After")) || 0 });
      }
    }

    async #ask(method, path, options) {
      const whose = this.#whose;
      try {
        const said = await (await this.#fetch(method, path, options)).json();
        if (whose === this.#whose) return said;
      } catch (error) { if (whose === this.#whose) throw error; }
      throw new Late();
    }

    #failed(error) {
      if (error instanceof Late) return;
      if (error.status === 401) this.dispatchEvent(new CustomEvent("crier-token-expired", { bubbles: true, composed: true }));
      this.#parts.offline.hidden = false;
    }

    async #load(cursor) {
      const state = this.#state;
      const asked = this.#loading = {};
      const page = await this.#ask("GET", `?state=${state}&limit=${PAGE}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
      if (this.#loading !== asked) return page;  // another page is wanted by now
      this.#loading = null;
      if (state !== this.#state) return page;
      for (const item of page.items) this.#items.set(item.id, item);
      const listed = page.items.map(item => item.id);
      this.#shown = cursor ? [...this.#shown, ...listed.filter(id => !this.#shown.includes(id))] : listed;
      this.#next = page.next;
      this.#sort();
      this.#draw();
      return page;
    }

    /* What is on show belongs there; newest first is the order in which it came. */
    #sort() {
      const wanted = this.#state === "archived";
      this.#shown = this.#shown.filter(id => Boolean(this.#items.get(id)?.archived_at) === wanted);
    }

    #count(unread) {
      const before = this.#unread;
      this.#unread = unread;
      if (this.#parts.bell) this.#drawCount();
      if (unread !== before) this.dispatchEvent(new CustomEvent("crier-count", { detail: { unread }, bubbles: true, composed: true }));
    }

    #begin() {
      this.#end();
      if (!this.#address || !(this.getAttribute("token") || this.getAttribute("token-url"))) return;
      const run = this.#run = new AbortController();
      this.#stay(run).catch(() => {});
    }

    #end() {
      this.#run?.abort();
      this.#run = null;
    }

    #visibility = () => {
      clearTimeout(this.#hiddenFor);
      if (document.hidden) this.#hiddenFor = setTimeout(() => this.#end(), HIDDEN);
      else if (!this.#run) this.#begin();
    };

    /* Stays connected, and goes on where it was cut off. */
    async #stay(run) {
      let failures = 0, wait = 0;
      while (!run.signal.aborted) {
        try {
          if (this.#last === null) {
            const page = await this.#load(null);
            if (run.signal.aborted) return;
            this.#last = page.last_event_id;
            this.#count(page.unread);
          }
          await this.#follow_stream(run, () => { failures = 0; this.#parts.offline.hidden = true; });
          wait = 0;
        } catch (error) {
          if (run.signal.aborted) return;
          failures += 1;
          wait = (error.wait || 0) * 1000;
          this.#failed(error);
          if (error.status === 401 || error.status === 403) {
            if (this.#run === run) this.#run = null;
            return;  // until there is another token
          }
        }
        await sleep(Math.max(wait, Math.min(LONGEST, 500 * 2 ** Math.min(failures, 7)) * (0.5 + Math.random())));
      }
    }

    /* fetch instead of EventSource: a token in a header is in no log, and a refusal says what it is. */
    async #follow_stream(run, connected) {
      if (run.signal.aborted) return;
      const stream = new AbortController();
      const stop = () => stream.abort();
      run.signal.addEventListener("abort", stop);
      let alarm = setTimeout(stop, QUIET);
      try {
        const answer = await this.#fetch("GET", "/stream", { signal: stream.signal, headers: { Accept: "text/event-stream", "Last-Event-ID": this.#last } });
        connected();
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        let kept = "";
        for (;;) {
          const { value, done } = await reader.read();
          if (done || run.signal.aborted) return;
          clearTimeout(alarm);
          alarm = setTimeout(stop, QUIET);
          const events = (kept + value).split("\n\n");
          kept = events.pop();
          for (const each of events) {
            if (run.signal.aborted) return;
            await this.#event(each, run);
          }
        }
      } finally {
        clearTimeout(alarm);
        run.signal.removeEventListener("abort", stop);
        stream.abort();
      }
    }

    async #event(text, run) {
      const fields = Object.fromEntries(text.split("\n").filter(line => !line.startsWith(":")).map(line => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(": ") + 2)]));
      if (!fields.event) return;
      const data = JSON.parse(fields.data);
      if (fields.event === "notification") this.#arrived(data);
      else if (fields.event === "changed") this.#changed(data);
      else if (fields.event === "count") this.#count(data.unread);
      else if (fields.event === "reset") { this.#items.clear(); this.#shown = []; this.#count(data.unread); await this.#load(null); }
      else if (fields.event === "expired" && this.getAttribute("token-url")) this.#token = null;
      if (fields.id && !run.signal.aborted) this.#last = fields.id;
    }

    #arrived(item) {
      const isKnown = this.#items.has(item.id);
      this.#items.set(item.id, item);
      if (this.#state === "inbox" && !item.archived_at && !this.#shown.includes(item.id)) this.#shown.unshift(item.id);
      this.#sort();
      this.#forget();
      this.#draw();
      if (isKnown || item.read_at) return;
      const { bell, said } = this.#parts;
      said.textContent = `${this.#words.bell}: ${item.title}`;
      bell.classList.remove("rings");
      void bell.offsetWidth;
      bell.classList.add("rings");
      this.dispatchEvent(new CustomEvent("crier-notification", { detail: item, bubbles: true, composed: true }));
    }

    /* One that is not known is older than what is on show, or came while nobody listened. */
    #changed(item) {
      const last = this.#items.get(this.#shown.at(-1));
      const isWanted = Boolean(item.archived_at) === (this.#state === "archived") && (!this.#next || !last || item.created_at >= last.created_at);
      if (!this.#items.has(item.id) && !isWanted) return;
      this.#items.set(item.id, item);
      if (isWanted && !this.#shown.includes(item.id)) {
        this.#shown.push(item.id);
        this.#shown.sort((a, b) => this.#items.get(b).created_at.localeCompare(this.#items.get(a).created_at));
      }
      this.#sort();
      this.#draw();
    }

    /* A page may stay open for weeks. */
    #forget() {
      if (this.#shown.length <= MOST_KEPT) return;
      this.#shown.length = MOST_KEPT / 2;
      const kept = new Set(this.#shown);
      for (const id of this.#items.keys()) if (!kept.has(id)) this.#items.delete(id);
      this.#shown.length && this.#load(null).catch(error => this.#failed(error));
    }
  }

  if (!customElements.get("crier-bell")) customElements.define("crier-bell", CrierBell);
})();
