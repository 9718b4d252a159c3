// Pictures of the pages, for who wants to look at them: PLENARY_TEST_PICTURES says where they go.

const FOLDER = process.env.PLENARY_TEST_PICTURES;

export async function picture(page, name) {
  if (FOLDER) await page.screenshot({ path: `${FOLDER}/${name.replaceAll(' ', '-')}.png` });
}
