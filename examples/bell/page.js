/* All there is to it: ask our own server for a token, and say where the bell comes from. */
const bell = document.querySelector("crier-bell");
const asked = new URLSearchParams(location.search);

if (asked.get("lang")) {
  document.documentElement.lang = asked.get("lang");
  document.documentElement.dir = asked.get("lang") === "ar" ? "rtl" : "ltr";
}
if (asked.get("theme")) {
  document.documentElement.dataset.theme = asked.get("theme");
  bell.setAttribute("theme", asked.get("theme"));
}
bell.addEventListener("crier-notification", event => {
  document.querySelector("#told").textContent = `Just in: ${event.detail.title}`;
});

fetch("/token").then(answer => answer.json()).then(({ token, user_id, url }) => {
  bell.setAttribute("src", url);
  bell.setAttribute("user", user_id);
  bell.setAttribute("token", token);
  const script = document.createElement("script");
  script.src = `${url}/bell.js`;
  document.head.append(script);
});
