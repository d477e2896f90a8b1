/**
 * Goal: what makes a page hard to use for somebody with a phone, a keyboard or a screen reader.
 * Method: rules of WCAG 2.2 that a program can check, asked of the page as the browser has laid it out.
 */
import type { Page } from 'playwright-core';

/** Evaluated in the page: one sentence for each flaw. */
const FLAWS = `(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const shown = (element) => element.getClientRects().length > 0;
  const short = (element) => element.outerHTML.slice(0, 120);
  const nameOf = (element) =>
    (element.getAttribute('aria-label') ?? element.innerText ?? '').trim();
  const flaws = [];
  const expect = (isRight, flaw) => void (isRight || flaws.push(flaw));

  expect(document.documentElement.lang === 'en', 'the page does not say its language');
  expect(document.title.trim() !== '', 'the page has no title');
  expect(all('main').length === 1, 'not exactly one main part');
  expect(all('body > header').length === 1, 'not exactly one header');
  expect(all('body > footer').length === 1, 'not exactly one footer');
  all('nav').forEach((nav) => expect(nameOf(nav) !== '' && nav.hasAttribute('aria-label'), 'a navigation without a name'));

  const levels = all('h1, h2, h3, h4, h5, h6').map((heading) => Number(heading.tagName[1]));
  expect(levels.filter((level) => level === 1).length === 1, 'not exactly one h1');
  expect(levels[0] === 1, 'the first heading is no h1');
  levels.forEach((level, index) =>
    expect(index === 0 || level <= levels[index - 1] + 1, 'a level of headings is left out before ' + level));

  const fields = all('input:not([type=hidden]), select, textarea').filter(shown);
  fields.forEach((field) => expect(field.labels.length > 0, 'a field without a label: ' + short(field)));
  all('button, a[href]').filter(shown).forEach((control) =>
    expect(nameOf(control) !== '', 'a control without a name: ' + short(control)));
  all('table').forEach((table) => expect(table.caption !== null, 'a table without a caption'));
  all('table th').forEach((cell) => expect(cell.scope !== '', 'a heading of no row or column: ' + short(cell)));
  all('img').forEach((image) => expect(image.hasAttribute('alt'), 'a picture without words'));
  all('[tabindex]').forEach((element) =>
    expect(element.tabIndex <= 0, 'an order of its own for Tab: ' + short(element)));
  const ids = all('[id]').map(({ id }) => id);
  expect(new Set(ids).size === ids.length, 'an id is there twice: ' + ids.join(' '));
  all('[aria-describedby], [aria-labelledby]').forEach((element) =>
    (element.getAttribute('aria-describedby') ?? element.getAttribute('aria-labelledby')).split(' ').forEach((id) =>
      expect(document.getElementById(id) !== null, 'words that are not there: ' + id)));
  expect(all('script, [onclick], [onerror], [onload]').length === 0, 'a script');

  const { clientWidth, scrollWidth } = document.documentElement;
  expect(scrollWidth <= clientWidth, 'wider than its window by ' + (scrollWidth - clientWidth) + ' pixels');
  return flaws;
})()`;

/** Evaluated in the page: short words of tables that stand on two lines. */
const BROKEN_WORDS = `(() => {
  const broken = [];
  const range = document.createRange();
  document.querySelectorAll('th, td').forEach((cell) => {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const { 0: word, index } of texts.currentNode.data.matchAll(/(?<![^ ])[A-Za-z]{2,16}(?![^ ])/g)) {
        range.setStart(texts.currentNode, index);
        range.setEnd(texts.currentNode, index + word.length);
        const lines = new Set([...range.getClientRects()].map(({ top }) => top));
        void (lines.size > 1 && broken.push(word));
      }
    }
  });
  return broken;
})()`;

/** Evaluated in the page: where the focus is, and whether a person sees it there. */
const FOCUS = `(() => {
  const element = document.activeElement;
  if (element === null || element === document.body) {
    return null;
  }
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const { bottom, height, left, right, top, width } = element.getBoundingClientRect();
  const isInside = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  return {
    what: element.outerHTML.slice(0, 120),
    isSeen: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1 && width * height > 0 && isInside,
  };
})()`;

const TABS_MAX = 200;

/** What is wrong with the page as it is now; goes through it by Tab and leaves the focus where that ends. */
export async function flawsOf(page: Page): Promise<string[]> {
  const flaws = await page.evaluate<string[]>(FLAWS);
  const broken = await brokenWordsOf(page);
  const unseen = await unseenFocuses(page);
  return [
    ...flaws,
    ...broken.map((word) => `a broken word: ${word}`),
    ...unseen.map((what) => `the focus is not seen on ${what}`),
  ];
}

/** Words that a narrow column tears apart. */
export function brokenWordsOf(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(BROKEN_WORDS);
}

async function unseenFocuses(page: Page): Promise<string[]> {
  const unseen: string[] = [];
  await page.evaluate(`document.activeElement?.blur()`);
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate<{ what: string; isSeen: boolean } | null>(FOCUS);
    if (focus === null) {
      return unseen;
    }
    if (!focus.isSeen) {
      unseen.push(focus.what);
    }
  }
  return [...unseen, `more than ${TABS_MAX.toString()} places`];
}
