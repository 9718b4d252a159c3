export const metadata = { title: 'A Next.js project' };

export default function Layout({ children }) {
  return <html lang="en"><body>{children}</body></html>;
}
