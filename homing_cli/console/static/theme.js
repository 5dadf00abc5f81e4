// Sets the theme before the first paint: the chosen theme or, without a choice, the system's.
const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.dataset.theme = chosen;
