/**
 * The block editor's panel: breaking news, and the note on a correction. Both are metas of the post,
 * saved with it.
 */
( function ( wp ) {
	'use strict';

	var el = wp.element.createElement;
	var __ = wp.i18n.__;
	// They moved from wp.editPost to wp.editor in WordPress 6.6.
	var home = wp.editor && wp.editor.PluginDocumentSettingPanel ? wp.editor : wp.editPost;

	function useMeta() {
		var state = wp.data.useSelect( function ( select ) {
			var editor = select( 'core/editor' );
			return {
				meta: editor.getEditedPostAttribute( 'meta' ) || {},
				saved: editor.getCurrentPostAttribute( 'meta' ) || {},
				published: editor.isCurrentPostPublished(),
			};
		}, [] );
		var editPost = wp.data.useDispatch( 'core/editor' ).editPost;
		state.set = function ( key, value ) {
			var change = {};
			change[ key ] = value;
			editPost( { meta: change } );
		};
		return state;
	}

	// Who takes the mark away says no; who never set it says nothing.
	function Breaking() {
		var state = useMeta();
		return el( wp.components.CheckboxControl, {
			label: __( 'This is breaking news', 'crier' ),
			checked: state.meta._crier_breaking === 'yes',
			onChange: function ( on ) {
				state.set( '_crier_breaking', on ? 'yes' : state.saved._crier_breaking ? 'no' : '' );
			},
			__nextHasNoMarginBottom: true,
		} );
	}

	function Correction() {
		var state = useMeta();
		if ( ! state.published && ! state.meta._crier_correction ) {
			return null;
		}
		return el( wp.components.TextareaControl, {
			label: __( 'Correction note', 'crier' ),
			help: __( 'What was wrong, when a published article is corrected.', 'crier' ),
			value: state.meta._crier_correction || '',
			maxLength: 500,
			onChange: function ( text ) {
				state.set( '_crier_correction', text );
			},
			__nextHasNoMarginBottom: true,
		} );
	}

	wp.plugins.registerPlugin( 'crier', {
		icon: 'megaphone',
		render: function () {
			return el(
				wp.element.Fragment,
				null,
				el(
					home.PluginDocumentSettingPanel,
					{ name: 'crier', title: __( 'Breaking news', 'crier' ), className: 'crier-document-panel' },
					el( Breaking ),
					el( Correction )
				),
				el(
					home.PluginPrePublishPanel,
					{ title: __( 'Breaking news', 'crier' ), initialOpen: true, className: 'crier-publish-panel' },
					el( Breaking )
				)
			);
		},
	} );
} )( window.wp );
