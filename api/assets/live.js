// Adds new events to the list of /live/. While one reads, they wait behind a button, so that no row
// moves. Without this script the page is a list with a link to refresh it.
"use strict";
(() => {
  const region = document.getElementById("live");
  if (!region || typeof EventSource === "undefined") return;
  const maxRows = 100;
  const body = region.querySelector("tbody");
  const status = document.getElementById("live-status");
  const leftOut = document.getElementById("live-left-out");
  const pause = document.getElementById("live-pause");
  const more = document.getElementById("live-new");
  const shown = new Set([...body.rows].map((row) => row.dataset.id));
  let waiting = [];
  let nWaiting = 0;
  let nLeftOut = 0;
  let isPaused = false;
  let isCut = false;
  let isFed = true;
  let isOpen = false;

  const say = (text) => { if (status.textContent !== text) status.textContent = text; };
  const number = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");
  const isReading = () => isPaused
    || region.getBoundingClientRect().top < 0
    || body.contains(document.activeElement)
    || (!getSelection().isCollapsed && region.contains(getSelection().anchorNode));

  const describe = () => {
    if (!isOpen) return say("Live updates have stopped. Refresh to see newer events.");
    if (!isFed) return say("Live updates are not available now. Refresh to see newer events.");
    const gap = isCut ? " Some events in between are not shown: refresh to see them." : "";
    say((isPaused ? "Paused." : "Events appear as they come.") + gap);
  };
  const offer = () => {
    more.hidden = nWaiting === 0;
    more.textContent = `${number(nWaiting)} new`;
    leftOut.hidden = nLeftOut === 0;
    leftOut.textContent = `${number(nLeftOut)} more came faster than they can be shown.`;
  };
  // The newest is the last one.
  const show = (rows) => {
    for (const { id, html } of rows.slice(-maxRows)) {
      const template = document.createElement("template");
      template.innerHTML = html;
      body.prepend(template.content);
      shown.add(id);
    }
    while (body.rows.length > maxRows) {
      shown.delete(body.rows[maxRows].dataset.id);
      body.rows[maxRows].remove();
    }
    region.hidden = body.rows.length === 0;
    document.getElementById("live-empty").hidden = !region.hidden;
  };
  const showWaiting = () => {
    show(waiting);
    waiting = [];
    nWaiting = 0;
    offer();
  };

  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", isPaused);
    if (!isPaused) showWaiting();
    describe();
  });
  more.addEventListener("click", () => {
    showWaiting();
    // The button has gone.
    region.focus({ preventScroll: true });
    scrollTo({ top: 0, behavior: "instant" });
  });
  addEventListener("scroll", () => { if (nWaiting > 0 && !isReading()) showWaiting(); }, { passive: true });

  const stream = new EventSource(region.dataset.stream);
  stream.addEventListener("news", (event) => {
    const news = JSON.parse(event.data);
    const known = new Set(waiting.map((row) => row.id));
    const rows = news.rows.filter((row) => !shown.has(row.id) && !known.has(row.id));
    isOpen = true;
    isFed = news.is_fed;
    isCut ||= news.is_cut;
    nLeftOut += news.left_out;
    if (isReading()) {
      nWaiting += rows.length;
      waiting = [...waiting, ...rows].slice(-maxRows);
    } else {
      show([...waiting, ...rows]);
      waiting = [];
      nWaiting = 0;
    }
    offer();
    describe();
  });
  stream.addEventListener("error", () => {
    // The browser asks again by itself, except after a refusal.
    if (stream.readyState !== EventSource.CLOSED) return;
    isOpen = false;
    describe();
  });
})();
