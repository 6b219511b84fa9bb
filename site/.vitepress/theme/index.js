// @ts-check
// VitePress' own theme, without the fonts that it would load, and with the diagrams.
import DefaultTheme from 'vitepress/theme-without-fonts';
import Diagram from './Diagram.vue';

export default {
  extends: DefaultTheme,
  /** @param {import('vitepress').EnhanceAppContext} context */
  enhanceApp({ app }) {
    app.component('Diagram', Diagram);
  },
};
