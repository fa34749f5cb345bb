// Theme, colors and font of the Airflow page around this frame.
"use strict";
{
  const root = document.documentElement;
  const tokens = ["bg", "fg", "fg-muted", "border"];
  const host = (() => {
    try {
      return window.parent !== window && window.parent.document.documentElement;
    } catch {
      return null;
    }
  })();
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  const isDark = () => {
    if (host) return host.classList.contains("dark");
    const theme = localStorage.getItem("theme");
    return theme === "dark" || (theme !== "light" && system.matches);
  };

  const apply = () => {
    root.dataset.theme = isDark() ? "dark" : "light";
    if (host) {
      const styles = window.parent.getComputedStyle(host);
      for (const token of tokens) {
        const value = styles.getPropertyValue(`--chakra-colors-${token}`).trim();
        if (value) root.style.setProperty(`--host-${token}`, value);
      }
      const font = window.parent.getComputedStyle(window.parent.document.body).fontFamily;
      if (font) root.style.setProperty("--host-font", font);
    }
    window.dispatchEvent(new Event("themechange"));
  };

  apply();
  system.addEventListener("change", apply);
  if (host) new MutationObserver(apply).observe(host, { attributes: true, attributeFilter: ["class", "style"] });
}
