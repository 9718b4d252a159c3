// Applies the chosen theme before the first paint. A classic script on purpose: modules run too late.
try {
  const theme = localStorage.getItem('plenary.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is blocked: the system's theme stays.
}
