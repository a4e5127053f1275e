// Replaces the report in place: its links and forms load the next report while the old rows stay.
// Scroll positions and the focus are kept, also by Back. Without this script they are usual pages.
"use strict";
(() => {
  const main = document.querySelector("main");
  const region = () => main.querySelector(".report-table");
  let loading = null;

  const place = () => ({
    page: scrollY, top: region()?.scrollTop ?? 0, left: region()?.scrollLeft ?? 0, focus: focused(),
  });
  // A name of the focused element that the next report has too.
  const focused = () => {
    const element = document.activeElement;
    if (!main.contains(element)) return null;
    if (element.dataset.row !== undefined) return { row: element.dataset.row };
    if (element.id) return { id: element.id };
    return { text: element.textContent, nav: element.closest("nav, thead") !== null };
  };
  const find = (name) => {
    if (!name) return null;
    if (name.row !== undefined) return [...main.querySelectorAll("[data-row]")].find((one) => one.dataset.row === name.row);
    if (name.id) return document.getElementById(name.id);
    // The arrow of a sorted column is a part of its text.
    const plain = (text) => text.replace(/[↑↓\s]/g, "");
    const links = [...main.querySelectorAll(name.nav ? "nav a, thead a" : "a, button, summary")];
    return links.find((one) => plain(one.textContent) === plain(name.text));
  };
  const restore = (where) => {
    // Tabler scrolls smoothly, which shows the way back as a movement.
    scrollTo({ top: where.page, behavior: "instant" });
    region()?.scrollTo({ left: where.left, top: where.top, behavior: "instant" });
    const element = find(where.focus) ?? (where.focus ? main.querySelector("h1") : null);
    if (element?.tagName === "H1") element.tabIndex = -1;
    element?.focus({ preventScroll: true });
  };
  const fail = (href) => {
    main.querySelector("#not-loaded")?.remove();
    const message = document.createElement("p");
    message.id = "not-loaded";
    message.className = "alert alert-danger";
    message.setAttribute("role", "alert");
    const again = document.createElement("a");
    again.href = href;
    again.textContent = "Try again";
    message.append("Could not load. The rows are the old ones. ", again);
    main.querySelector(".report-page").prepend(message);
  };

  const load = async (href, where, isNew) => {
    loading?.abort();
    const mine = loading = new AbortController();
    main.setAttribute("aria-busy", "true");
    let answer;
    let text;
    try {
      answer = await fetch(href, { signal: mine.signal });
      text = await answer.text();
    } catch {
      if (mine !== loading) return;
      main.removeAttribute("aria-busy");
      return fail(href);
    }
    if (mine !== loading) return;
    main.removeAttribute("aria-busy");
    const next = new DOMParser().parseFromString(text, "text/html");
    const report = next.querySelector("main");
    // For example the page to log in.
    if (!report?.querySelector(".report-page")) return location.assign(href);
    if (isNew) {
      history.replaceState(place(), "");
      history.pushState(null, "", answer.url);
    }
    document.title = next.title;
    main.replaceChildren(...report.childNodes);
    dispatchEvent(new Event("replaced"));
    restore(where);
    main.querySelector(".new-filter [autofocus]")?.focus();
    const problems = document.getElementById("problems");
    if (problems) {
      problems.focus();
      problems.scrollIntoView({ block: "nearest" });
    }
  };

  const isReport = (url) => url.origin === location.origin && url.pathname === "/reports/";
  // Rows that are opened or sorted stay where they are; another report begins at its top.
  const where = (element) => {
    const now = place();
    return element.closest(".report-page") ? { ...now, top: element.closest("tbody") ? now.top : 0 } : { ...now, page: 0 };
  };
  main.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.getAttribute("href").startsWith("#")) return;
    const url = new URL(link.href);
    if (!isReport(url)) return;
    event.preventDefault();
    load(url.href, where(link), url.href !== location.href);
  });
  main.addEventListener("submit", (event) => {
    const form = event.target;
    const url = new URL(form.action);
    if (form.method !== "get" || !isReport(url)) return;
    event.preventDefault();
    url.search = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== "")).toString();
    load(url.href, where(form), true);
  });
  addEventListener("popstate", (event) => {
    if (isReport(location)) load(location.href, event.state ?? { page: 0, top: 0, left: 0, focus: null }, false);
  });
  history.scrollRestoration = "manual";
  if (history.state?.page !== undefined) restore(history.state);
  addEventListener("pagehide", () => history.replaceState(place(), ""));
})();
