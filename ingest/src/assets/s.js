// Sluice: reports the visit and fills order forms. docs/snippet.md says how a page uses it.
//
// `snippet.rs` prepares it once: it removes comments and blanks, shortens the names that begin with
// $, and fills in the names in capitals. So each statement ends with a semicolon, no text has a
// blank, and a line that is indented by two blanks begins a part with names of its own.
$sluice: {
  // A module is not the current script.
  let $script = document.currentScript || document.querySelector('[src*="__SCRIPT__"]'),
    $options = $script.dataset,
    $edge = $script.src.split("/", 3).join("/"),
    // Some tag managers drop the attributes: then the owner is in the address of the script.
    $owner = $options.key ? "k=" + $options.key :
      $options.userId ? "user_id=" + $options.userId : $script.src.split("?")[1],
    $shared = window.sluice = window.sluice || {},
    $id, $clickIds, $query, $page, $referrer, $waits,

  // An anchor in the page is not another page. A path behind # is.
  $address = () => location.href.split(/#\w/)[0],

  // Begins a visit, with a new id: a UUIDv7. Browsers make the random part as a part of an address.
  $begin = $from => {
    $referrer = $from;
    $page = $address();
    $shared.prospectId = $id =
      (Date.now() + 0x1000000000000).toString(16).replace(/.(.{8})/, "$1-") +
      "-7" + URL.createObjectURL(new Blob).slice(-21);
    // The page's address never names the owner.
    $query = location.search.replace("?", "&").replace(/[?&;](__OWNERS__)=/gi, "&");
    $clickIds = $query.replace(/([?&](__CLICK_IDS__)=[^?&]+)|./gi, "$1") || $clickIds || "";
    $waits = !("gpc" in $options && (navigator.globalPrivacyControl | navigator.doNotTrack));
    $report();
    $fill();
  },

  // Reports the visit once the page is shown, and not while it is prerendered or in another tab.
  $report = () => {
    if (document.hidden || !$waits) return;
    $waits = 0;
    // Click ids stay those of the visitor until others come.
    try {
      $clickIds = sessionStorage.sluice = $clickIds || sessionStorage.sluice || "";
    } catch ($error) {}
    let $start = $owner + "&pid=" + $id + $clickIds +
        "&u=" + encodeURIComponent($page.slice(0, 2100)) + "&r=" + encodeURIComponent($referrer),
      $rest = $query + "&",
      $send = ($hints = 0) => {
        let $pairs = $start + ($hints.platformVersion ? "&__HINTS__=" +
            encodeURIComponent($hints.platformVersion + "/" + $hints.model) : "") + $rest,
          // Proxies refuse long addresses. Pairs stay whole, and click ids come first.
          $image = ($answer = 0) => {
            $answer.ok || (new Image().src =
              $edge + "__PIXEL__?" + $pairs.slice(0, $pairs.lastIndexOf("&", 7777)));
          };
        try {
          // sendBeacon() does not say that a policy or a blocker refuses its request. This does.
          fetch($edge + "__BEACON__", { method: "POST", body: $pairs, keepalive: 1 })
            .then($image, $image);
        } catch ($error) {
          navigator.sendBeacon($edge + "__BEACON__", $pairs) || $image();
        }
      };
    try {
      navigator.userAgentData.getHighEntropyValues(["model", "platformVersion"]).then($send, $send);
    } catch ($error) {
      $send();
    }
  },

  // Fills the forms. One that was sent keeps its id: sent again, it is the same order.
  $fill = () => {
    for (let $form of document.forms) {
      if ($form.dataset.sluice == null) continue;
      $form.sluice ||
        ("prospect_id=" + $id + $clickIds).replace(/(\w+)=([^?&]+)/g, ($pair, $name, $value) => {
          let $input = $form.querySelector("[name=" + $name + "]");
          // A field of the page's own stays.
          if ($input && $value != $id) return;
          $input = $input || $form.appendChild(document.createElement("input"));
          $input.type = "hidden";
          $input.name = $name;
          $input.value = unescape($value);
        });
      $form.getAttribute("action") || $form.setAttribute("action", $edge + "__ORDER__");
      $form.getAttribute("method") || $form.setAttribute("method", "post");
    }
  };

  // Included twice: one visit.
  if ($shared[$owner]) break $sluice;
  $shared[$owner] = 1;

  addEventListener("visibilitychange", $report);

  // Back to a page that the browser kept.
  addEventListener("pageshow", $event => $event.persisted && $begin(document.referrer));

  addEventListener("submit", $event => {
    let $form = $event.target, $body;
    $fill();
    if ($event.defaultPrevented) return;
    if ($form.dataset.sluice == "stay") {
      $body = new FormData($form);
      $body.delete("redirect");
      $form.sluice || fetch($form.getAttribute("action"), { method: "POST", body: $body })
        .then($answer => $answer.json().then($json => {
          if ($form.sluice = $answer.ok) ($form.querySelector("output[hidden]") || {}).hidden = 0;
          else for (let $name in $json) {
            let $input = $form.querySelector("[name=" + $name + "]") || $event.submitter;
            $input.setCustomValidity($json[$name]);
            $form.reportValidity();
            addEventListener("click", () => $input.setCustomValidity(""), 1);
          }
        }))
        // A field may have the name "submit".
        .catch(() => HTMLFormElement.prototype.submit.call($form));
      $event.preventDefault();
    }
    $form.sluice = 1;
  });

  if ("spa" in $options) {
    let $push = history.pushState, $moved = () => $page == $address() || $begin($page);
    history.pushState = (...$all) => {
      $push.apply(history, $all);
      $moved();
    };
    addEventListener("popstate", $moved);
  }

  new MutationObserver($fill).observe(document, { childList: 1, subtree: 1 });
  $begin(document.referrer);
}
